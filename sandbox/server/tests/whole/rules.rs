//! Deliveries of events from a rule to its target.

use std::{fs, path::PathBuf, time::Duration};

use http_body_util::Full;
use sandbox::{Options, Sandbox, events::Undelivered};
use serde_json::{Value, json};

use crate::harness::{ended, options, own, plain, upload};

#[tokio::test]
async fn a_delivery_that_waits_for_a_retry_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let kept = || Options { data: Some(data.path().to_owned()), time_scale: 1.0, ..options() };
    let first = Sandbox::start(kept()).await.unwrap();
    let lambda = "/2015-03-31/functions/probe/configuration";
    let broken = json!({ "Environment": { "Variables": { "PROBE_FAILS_AT_START": "1" } } }).to_string();
    plain(first.outputs(), "lambda", http::Request::put(lambda).body(Full::from(broken)).unwrap()).await;
    let call = |target: &str, body: Value| {
        http::Request::post("/").header("X-Amz-Target", target).body(Full::from(body.to_string())).unwrap()
    };
    let rule = json!({ "Name": "ask", "EventPattern": r#"{"source": ["test"]}"# });
    plain(first.outputs(), "events", call("AWSEvents.PutRule", rule)).await;
    let arn = "arn:aws:lambda:eu-west-1:000000000000:function:probe";
    let target = json!({ "Rule": "ask", "Targets": [{ "Id": "probe", "Arn": arn }] });
    plain(first.outputs(), "events", call("AWSEvents.PutTargets", target)).await;
    let event = json!({ "Entries": [{ "Source": "test", "DetailType": "t", "Detail": "{}" }] });
    plain(first.outputs(), "events", call("AWSEvents.PutEvents", event)).await;
    let tried = async {
        while first.lambda().invocations("probe") == Ok(0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), tried).await.unwrap();
    first.stop().await.unwrap();

    // The new run takes the configuration from the template, so the function works.
    let second = Sandbox::start(kept()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), second.events().drained()).await.unwrap();
    assert_eq!(second.lambda().invocations("probe"), Ok(1));
    second.stop().await.unwrap();
}

/// A rule that starts the machine of the small template, with a role that allows one action. Tests replace `ROLE` and
/// `ACTION`.
const RULE: &str = r#"
  Starter:
    Type: AWS::IAM::Role
    Properties:
      RoleName: starter
      AssumeRolePolicyDocument: {}
      Policies:
        - PolicyName: start
          PolicyDocument:
            Statement: [{ Effect: Allow, Action: "ACTION", Resource: !Ref Machine }]
  Unstarted: { Type: AWS::SQS::Queue, Properties: { QueueName: unstarted } }
  Rule:
    Type: AWS::Events::Rule
    Properties:
      Name: uploads
      EventPattern: { source: [aws.s3], detail-type: [Object Created] }
      Targets:
        - Id: machine
          Arn: !Ref Machine
          RoleArn: ROLE
          DeadLetterConfig: { Arn: !GetAtt Unstarted.Arn }
"#;

/// A copy of the small template with the rule above.
fn template_with(role: &str, action: &str) -> (tempfile::TempDir, PathBuf) {
    let small = options().template;
    let text = fs::read_to_string(&small).unwrap();
    let (before, rest) = text.split_once("      Events:\n").unwrap();
    let (_, outputs) = rest.split_once("Outputs:\n").unwrap();
    let written = RULE.replace("ROLE", role).replace("ACTION", action);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    fs::write(&path, format!("{before}{}Outputs:\n{outputs}", written.trim_start_matches('\n'))).unwrap();
    fs::copy(small.with_file_name("machine.asl.json"), folder.path().join("machine.asl.json")).unwrap();
    (folder, path)
}

#[tokio::test]
async fn a_rule_whose_role_may_start_the_machine_starts_it() {
    let (_folder, template) = template_with("!GetAtt Starter.Arn", "states:StartExecution");
    let sandbox = Sandbox::start(Options { template, ..options() }).await.unwrap();
    upload(sandbox.outputs(), "k").await;
    ended(sandbox.outputs(), 1).await;
    let granted = sandbox.iam().grants();
    assert!(granted.iter().any(|grant| grant.role == "starter" && grant.needed), "{granted:?}");
    sandbox.stop().await.unwrap();
}

/// An event without the required permission goes to the dead-letter queue without a retry
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>).
#[tokio::test]
async fn an_event_without_start_permission_goes_to_the_dead_letter_queue() {
    let (_folder, template) = template_with("!GetAtt Starter.Arn", "states:DescribeExecution");
    let sandbox = Sandbox::start(Options { template, ..options() }).await.unwrap();
    let outputs = sandbox.outputs();
    upload(outputs, "k").await;
    tokio::time::timeout(Duration::from_secs(20), sandbox.events().drained()).await.unwrap();
    let undelivered = sandbox.events().undelivered().unwrap();
    let [Undelivered { queue_arn, body, attributes }] = undelivered.as_slice() else { panic!("{undelivered:?}") };
    assert_eq!(queue_arn.as_deref(), Some("arn:aws:sqs:eu-west-1:000000000000:unstarted"));
    assert_eq!(body["detail"]["object"]["key"], "k");
    let named = |name: &str| attributes.get(name).map(String::as_str);
    assert_eq!((named("ERROR_CODE"), named("RETRY_ATTEMPTS")), (Some("NO_PERMISSIONS"), Some("0")));
    let message = named("ERROR_MESSAGE").unwrap();
    assert!(
        message.starts_with("AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/starter/"),
        "{message}"
    );
    let missing = format!(
        " is not authorized to perform: states:StartExecution on resource: {} because no identity-based policy allows",
        outputs.outputs["MachineArn"]
    );
    assert!(message.contains(&missing), "{message}");
    let states = aws_sdk_sfn::Client::new(&own(outputs));
    let started = states.list_executions().state_machine_arn(&outputs.outputs["MachineArn"]).send().await.unwrap();
    assert_eq!(started.executions.len(), 0);
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_template_whose_rule_has_an_unknown_role_is_rejected() {
    let (_folder, template) = template_with("arn:aws:iam::000000000000:role/missing", "states:StartExecution");
    let error = Sandbox::start(Options { template, ..options() }).await.unwrap_err();
    let sentence = "the policies of uploads: its role arn:aws:iam::000000000000:role/missing is not in the template";
    assert!(error.to_string().starts_with(sentence), "{error}");
}
