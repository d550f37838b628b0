//! The documentation matches the sandbox: every command and every rule of docs/faults.md is accepted, and
//! docs/coverage.md lists the known operations.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    sync::Arc,
};

use sandbox::{
    Functions, Handler, HandlerSet, Options, Sandbox,
    faults::{Faults, Rule},
    operations::{self, DELIVER, Service},
};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// These tests invoke no function.
struct NoFunction;

impl HandlerSet for NoFunction {
    fn handler(&self, function: &str, _environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        Err(format!("{function} is not available"))
    }
}

/// The commands of a page: its indented lines, joined at trailing backslashes.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("    ")) {
        match commands.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.push('\n');
                last.push_str(line);
            }
            _ => commands.push(line.to_owned()),
        }
    }
    commands
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_faults_page_succeeds() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/small/template.yaml");
    let sandbox = Sandbox::start(Options::new(template, Functions::InProcess(Arc::new(NoFunction)))).await.unwrap();
    let commands = commands(&page("faults.md"));
    assert_eq!(commands.len(), 4, "{commands:?}");

    for line in &commands {
        assert!(line.starts_with("curl --fail "), "{line}");
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("AWS_ENDPOINT_URL", &sandbox.outputs().endpoint_url);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    assert_eq!(sandbox.faults().rules().len(), 0, "the page removes the rule that it adds");
    sandbox.stop().await.unwrap();
}

#[test]
fn every_rule_of_the_faults_page_is_accepted() {
    let page = page("faults.md");
    let rules: Vec<&str> = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(rules.len() >= 8, "{rules:?}");

    let faults = Faults::default();
    for text in rules {
        let rule: Rule = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        faults.add(rule).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

/// The operations of a service in docs/coverage.md: the words in backticks after "Operations:".
fn listed(section: &str) -> BTreeSet<String> {
    let page = page("coverage.md");
    let (_, rest) = page.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let (_, rest) = rest.split_once("Operations:").unwrap();
    let paragraph = rest.split("\n\n").next().unwrap();
    paragraph.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_coverage_page_lists_the_operations_of_every_service() {
    for (service, section) in [
        (Service::S3, "S3"),
        (Service::States, "Step Functions"),
        (Service::Lambda, "Lambda"),
        (Service::Events, "EventBridge"),
        (Service::Sns, "SNS"),
        (Service::CloudFormation, "CloudFormation"),
    ] {
        let vocabulary: BTreeSet<String> = operations::of(service)
            .iter()
            .filter(|operation| **operation != DELIVER)
            .map(|operation| (*operation).to_owned())
            .collect();
        assert_eq!(listed(section), vocabulary, "{section}");
    }
}
