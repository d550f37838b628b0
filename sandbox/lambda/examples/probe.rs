//! A Lambda function that its payload controls: answer, sleep, fail, exit, panic. The tests of the sandbox's Lambda
//! service run it like the binary of any function.

use std::{collections::BTreeMap, time::Duration};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if std::env::var("PROBE_FAILS_AT_START").is_ok() {
        eprintln!("PROBE_FAILS_AT_START is set");
        std::process::exit(3);
    }
    run(service_fn(act)).await
}

async fn act(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let text = |name: &str| event.payload.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    println!("asked to {}", event.payload);
    match text("do").as_str() {
        "sleep" => {
            let millis = event.payload.get("millis").and_then(Value::as_u64).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(json!({ "process": std::process::id() }))
        }
        "fail" => Err(Diagnostic { error_type: text("name"), error_message: text("message") }),
        "exit" => std::process::exit(7),
        "panic" => panic!("requested panic"),
        "swell" => Ok(Value::from("x".repeat(7 * 1024 * 1024))),
        "show the environment" => {
            let environment: BTreeMap<String, String> = std::env::vars().collect();
            Ok(json!(environment))
        }
        _ => Ok(json!({
            "process": std::process::id(),
            "requestId": event.context.request_id,
            "functionArn": event.context.invoked_function_arn,
            "deadline": event.context.deadline,
            "payload": event.payload,
        })),
    }
}
