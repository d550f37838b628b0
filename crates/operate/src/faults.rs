//! The fault rules of a running sandbox, through its HTTP endpoint `/_sandbox/faults`.

use holdfast_core::format::root_cause;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

const PATH: &str = "/_sandbox/faults";

/// A request about fault rules failed.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The endpoint is not an HTTP address.
    #[error("{0:?} is not an endpoint; give an address such as http://127.0.0.1:4510, as `holdfast up` prints it")]
    InvalidEndpoint(String),
    /// No server answers at the endpoint.
    #[error(
        "no sandbox answers at {endpoint} ({reason}); start one with `holdfast up`, or name another with --endpoint"
    )]
    NoAnswer {
        /// The endpoint.
        endpoint: String,
        /// The error of the connection.
        reason: String,
    },
    /// Another program answers at the endpoint.
    #[error(
        "the server at {endpoint} is not a sandbox of this version (status {status}); name another with --endpoint"
    )]
    NotASandbox {
        /// The endpoint.
        endpoint: String,
        /// The HTTP status of the response.
        status: StatusCode,
    },
    /// The rule cannot be sent.
    #[error("the rule cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The sandbox refused the request.
    #[error("{0}")]
    Refused(String),
}

/// A rule in force, with its counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveRule {
    /// The rule's ID, for example `fault-1`.
    pub id: String,
    /// The calls that the rule matches.
    #[serde(rename = "match")]
    pub target: Value,
    /// The matching calls for which the rule fires.
    pub when: Value,
    /// The effect of the rule on these calls.
    pub effect: Value,
    /// The number of calls that matched.
    pub matched: u64,
    /// The number of times that the rule fired.
    pub fired: u64,
}

/// The ID of a rule that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedRule {
    /// The rule's ID.
    pub id: String,
}

/// The rules in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveRules {
    /// In the order in which they were added.
    pub faults: Vec<ActiveRule>,
}

/// The number of rules that were removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedRules {
    /// The number.
    pub removed: usize,
}

/// The fault rules of one sandbox.
#[derive(Debug)]
pub struct FaultRules {
    endpoint: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl FaultRules {
    /// The rules of the sandbox at an endpoint, for example `http://127.0.0.1:4510`.
    pub fn at(endpoint: &str) -> Result<Self, FaultError> {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let is_valid = endpoint.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http") && uri.authority().is_some() && matches!(uri.path(), "" | "/")
        });
        if !is_valid {
            return Err(FaultError::InvalidEndpoint(endpoint));
        }
        Ok(Self { endpoint, client: Client::builder(TokioExecutor::new()).build_http() })
    }

    /// Adds a rule: `{"match": …, "when": …, "effect": …}` in JSON.
    pub async fn add(&self, rule: &impl Serialize) -> Result<AddedRule, FaultError> {
        self.request(Method::POST, "", serde_json::to_vec(rule)?).await
    }

    /// The rules in force.
    pub async fn list(&self) -> Result<ActiveRules, FaultError> {
        self.request(Method::GET, "", Vec::new()).await
    }

    /// Removes one rule.
    pub async fn remove(&self, id: &str) -> Result<RemovedRules, FaultError> {
        self.request(Method::DELETE, &format!("/{id}"), Vec::new()).await
    }

    /// Removes all rules.
    pub async fn clear(&self) -> Result<RemovedRules, FaultError> {
        self.request(Method::DELETE, "", Vec::new()).await
    }

    async fn request<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T, FaultError> {
        let endpoint = &self.endpoint;
        let request = Request::builder()
            .method(method)
            .uri(format!("{endpoint}{PATH}{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|_| FaultError::Refused(format!("{path:?} is not the ID of a rule; `list` shows the IDs")))?;
        let no_answer = |reason: String| FaultError::NoAnswer { endpoint: endpoint.clone(), reason };
        // Only the root cause, which is the error of the operating system, means something to a user.
        let response = self.client.request(request).await.map_err(|error| no_answer(root_cause(&error)))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| no_answer(error.to_string()))?.to_bytes();
        let not_a_sandbox = || FaultError::NotASandbox { endpoint: endpoint.clone(), status: head.status };
        if head.status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| not_a_sandbox());
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { message }) => Err(FaultError::Refused(message)),
            Err(_) => Err(not_a_sandbox()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_plain_http_without_a_path() {
        for good in ["http://127.0.0.1:4510", "http://localhost:80/", "http://[::1]:1"] {
            assert!(FaultRules::at(good).is_ok(), "{good}");
        }
        for bad in ["127.0.0.1:4510", "https://s3.eu-west-1.amazonaws.com", "http://127.0.0.1:1/x", "", "http://"] {
            assert!(FaultRules::at(bad).is_err(), "{bad}");
        }
    }
}
