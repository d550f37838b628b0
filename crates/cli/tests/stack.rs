//! `holdfast stack`: its output and its exit codes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Output},
};

const OUTPUTS: [(&str, &str); 7] = [
    ("SourceBucketName", "source"),
    ("BackupBucketName", "backup"),
    ("ReceiptBucketName", "backup"),
    ("ReceiptPrefix", ".holdfast/receipts/"),
    ("TopicArn", "arn:aws:sns:eu-west-1:111122223333:topic"),
    ("StateMachineArn", "arn:aws:states:eu-west-1:111122223333:stateMachine:backups-backup"),
    ("UndeliveredEventsUrl", "https://sqs.eu-west-1.amazonaws.com/111122223333/undelivered"),
];

/// A CloudFormation endpoint that gives each request the same response.
fn cloudformation(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]).unwrap();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    endpoint
}

fn described() -> String {
    let outputs = OUTPUTS.map(|(name, value)| {
        format!("<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>")
    });
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult>\
         <Stacks><member><StackName>backups</StackName><CreationTime>2026-11-22T10:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{}</Outputs></member></Stacks>\
         </DescribeStacksResult></DescribeStacksResponse>",
        outputs.concat()
    )
}

fn refused(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
}

fn holdfast(endpoint: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.arg("stack").args(arguments).env_remove("HOLDFAST_STACK").env("AWS_ENDPOINT_URL", endpoint);
    command.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_stack_is_found_by_name_and_shown_as_text_or_json() {
    let endpoint = cloudformation("200 OK", described());

    let table = holdfast(&endpoint, &["--stack", "backups"]);
    assert!(table.status.success(), "{}", text(&table.stderr));
    let table = text(&table.stdout);
    for expected in
        ["Stack               backups\n", "Source bucket       source\n", "Console             https://eu-west-1."]
    {
        assert!(table.contains(expected), "{expected:?} is missing in\n{table}");
    }

    let json = holdfast(&endpoint, &["--stack", "backups", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["name"], &json["stateMachineArn"]), (&"backups".into(), &OUTPUTS[5].1.into()));
}

#[test]
fn a_missing_stack_a_failure_and_wrong_usage_have_different_exit_codes() {
    let missing = cloudformation("400 Bad Request", refused("ValidationError", "Stack with id backups does not exist"));
    let denied = cloudformation("403 Forbidden", refused("AccessDenied", "not allowed"));
    for (endpoint, arguments, code, expected) in [
        (&missing, vec!["--stack", "backups"], 4, "error: there is no stack backups in eu-west-1; check the name"),
        (&missing, vec!["--ready-file", "/no/such/file"], 4, "error: there is no ready file /no/such/file"),
        (
            &denied,
            vec!["--stack", "backups"],
            1,
            "error: the stack backups in eu-west-1 cannot be described: AccessDenied",
        ),
        (&denied, vec!["--ready-file", "/"], 1, "error: the ready file / cannot be read"),
        (&denied, vec![], 2, "error: no stack is named; name one with --stack or HOLDFAST_STACK"),
        (&denied, vec!["--stack", "a", "--ready-file", "b"], 2, "cannot be used with"),
    ] {
        let output = holdfast(endpoint, &arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn a_stack_is_found_by_the_ready_file_of_its_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    let outputs: serde_json::Map<_, _> =
        OUTPUTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let ready = serde_json::json!({
        "endpointUrl": "http://127.0.0.1:4510", "region": "eu-west-1", "accessKeyId": "AKIA",
        "secretAccessKey": "the secret", "stackName": "holdfast", "outboxDir": "/tmp/outbox", "outputs": outputs
    });
    std::fs::write(&path, ready.to_string()).unwrap();

    for format in ["text", "json"] {
        let output = holdfast("http://127.0.0.1:1", &["--ready-file", path.to_str().unwrap(), "--output", format]);
        let text = text(&output.stdout);
        assert!(text.contains("http://127.0.0.1:4510") && text.contains("backup"), "{text}");
        assert!(!text.contains("the secret") && !text.contains("console.aws"), "{text}");
    }
}
