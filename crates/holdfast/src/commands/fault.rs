//! `holdfast sandbox fault`: adds, lists and lifts the fault rules of a sandbox that runs, by its endpoint
//! `/_sandbox/faults`.

use std::error::Error as _;

use comfy_table::{ContentArrangement, Table, presets};
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sandbox::faults::{Active, RuleId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CommandError, print_line};
use crate::{
    Outcome,
    cli_faults::{FaultArguments, FaultCommand},
    text,
};

const FAULTS: &str = "/_sandbox/faults";

/// Why the sandbox did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FaultError {
    /// The endpoint is no address.
    #[error("{0:?} is no endpoint: give an address such as http://127.0.0.1:4510, as `holdfast up` prints it")]
    Endpoint(String),
    /// Nobody is there.
    #[error(
        "no sandbox answers at {endpoint} ({reason}): start one with `holdfast up`, or name the one you mean with --endpoint"
    )]
    Nobody {
        /// Where it was looked for.
        endpoint: String,
        /// What the connection said.
        reason: String,
    },
    /// Somebody else is there.
    #[error(
        "what answers at {endpoint} is no sandbox of this version ({status}): name the one you mean with --endpoint"
    )]
    Stranger {
        /// Where it was looked for.
        endpoint: String,
        /// What it answered.
        status: StatusCode,
    },
    /// The sandbox refused.
    #[error("{0}")]
    Refused(String),
}

/// Runs one of the commands.
pub(crate) async fn run(arguments: FaultArguments) -> Result<Outcome, CommandError> {
    let FaultArguments { endpoint, json, command } = arguments;
    let sandbox = Sandbox::at(&endpoint)?;
    let say = |answer: &dyn Shown| -> Result<(), CommandError> {
        print_line(&if json { answer.json()? } else { answer.text() })
    };
    match command {
        FaultCommand::Add(add) => {
            let rule = serde_json::to_vec(&add.rule())?;
            say(&sandbox.ask::<Added>(Method::POST, "", rule).await?)?;
        }
        FaultCommand::List => say(&sandbox.ask::<Listed>(Method::GET, "", Vec::new()).await?)?,
        FaultCommand::Remove { id } => {
            let path = format!("/{id}");
            say(&sandbox.ask::<Removed>(Method::DELETE, &path, Vec::new()).await?)?;
        }
        FaultCommand::Clear => say(&sandbox.ask::<Removed>(Method::DELETE, "", Vec::new()).await?)?,
    }
    Ok(Outcome::Success)
}

/// A sandbox's own endpoint.
struct Sandbox {
    endpoint: String,
    client: Client<HttpConnector, Full<hyper::body::Bytes>>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Sandbox {
    fn at(endpoint: &str) -> Result<Self, FaultError> {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let plain = endpoint.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http") && uri.authority().is_some() && matches!(uri.path(), "" | "/")
        });
        if !plain {
            return Err(FaultError::Endpoint(endpoint));
        }
        Ok(Self { endpoint, client: Client::builder(TokioExecutor::new()).build_http() })
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T, FaultError> {
        let endpoint = &self.endpoint;
        let request = Request::builder()
            .method(method)
            .uri(format!("{endpoint}{FAULTS}{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|_| FaultError::Refused(format!("{path:?} is no id of a rule; `list` shows them")))?;
        let nobody = |reason: String| FaultError::Nobody { endpoint: endpoint.clone(), reason };
        let answer = self.client.request(request).await.map_err(|error| nobody(deepest(&error)))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| nobody(error.to_string()))?.to_bytes();
        let stranger = || FaultError::Stranger { endpoint: endpoint.clone(), status: head.status };
        if head.status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| stranger());
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { message }) => Err(FaultError::Refused(message)),
            Err(_) => Err(stranger()),
        }
    }
}

/// What lies below an error: the operating system's own words.
fn deepest(error: &hyper_util::client::legacy::Error) -> String {
    let mut deepest = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        deepest = error.to_string();
        next = error.source();
    }
    deepest
}

/// An answer of the sandbox, for machines and for people.
trait Shown {
    fn json(&self) -> Result<String, serde_json::Error>;
    fn text(&self) -> String;
}

#[derive(Serialize, Deserialize)]
struct Added {
    id: RuleId,
}

#[derive(Serialize, Deserialize)]
struct Listed {
    faults: Vec<Active>,
}

#[derive(Serialize, Deserialize)]
struct Removed {
    removed: usize,
}

impl Shown for Added {
    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn text(&self) -> String {
        let Self { id } = self;
        format!("{id} is in force; `holdfast sandbox fault remove {id}` lifts it.")
    }
}

impl Shown for Removed {
    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn text(&self) -> String {
        match self.removed {
            0 => "No rule was in force.".to_owned(),
            removed => format!("{} lifted.", text::count(removed, "rule")),
        }
    }
}

impl Shown for Listed {
    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn text(&self) -> String {
        if self.faults.is_empty() {
            return "No rule is in force.".to_owned();
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["Rule", "Calls", "Which of them", "What happens", "Struck"]);
        for Active { id, rule, matched, fired } in &self.faults {
            table.add_row([
                id.to_string(),
                words(&rule.target, "every call"),
                words(&rule.when, "each of them"),
                words(&rule.effect, ""),
                format!("{fired} of {matched}"),
            ]);
        }
        table.to_string()
    }
}

/// The fields of a part of a rule that say something, as `name value`.
fn words(part: &impl Serialize, none: &str) -> String {
    let mut words = Vec::new();
    say(&serde_json::to_value(part).unwrap_or_default(), &mut words);
    if words.is_empty() { none.to_owned() } else { words.join(" ") }
}

fn say(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            // A seed of 0, or letting none pass first, is nothing to tell of.
            let told = |(name, value): &(&String, &Value)| {
                !(matches!(name.as_str(), "skip" | "seed") && value.as_u64() == Some(0))
            };
            for (name, value) in fields.iter().filter(told) {
                words.push(name.clone());
                say(value, words);
            }
        }
        Value::String(text) => words.push(text::key(text)),
        other => words.push(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use sandbox::faults::{Effect, Life, Rule, Service, Target};

    use super::*;

    #[test]
    fn the_table_says_what_a_rule_is_about_and_what_came_of_it() {
        let rule = Rule::new(Target::operation(Service::S3, "PutObject").part(7), Effect::Kill(Life::After)).times(2);
        let other = Rule::new(Target::default(), Effect::error("SlowDown"));
        let faults = vec![
            Active { id: RuleId::from("fault-1"), rule, matched: 5, fired: 2 },
            Active { id: RuleId::from("fault-2"), rule: other, matched: 0, fired: 0 },
        ];
        let table = Listed { faults }.text();
        for expected in [
            "service s3",
            "operation PutObject",
            "part 7",
            "times 2",
            "kill after",
            "2 of 5",
            "every call",
            "code SlowDown",
        ] {
            let cells = table.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(cells.contains(expected), "{expected} is not in\n{table}");
        }
    }

    #[test]
    fn an_endpoint_is_plain_http_without_a_path() {
        for good in ["http://127.0.0.1:4510", "http://localhost:80/", "http://[::1]:1"] {
            assert!(Sandbox::at(good).is_ok(), "{good}");
        }
        for bad in ["127.0.0.1:4510", "https://s3.eu-west-1.amazonaws.com", "http://127.0.0.1:1/x", "", "http://"] {
            assert!(Sandbox::at(bad).is_err(), "{bad}");
        }
    }
}
