//! A sandbox that cannot start reports the reason, the place and the valid values in one line, and leaves nothing
//! behind.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_tests::{TestResult, fixture::workspace, in_process::InProcess, text::assert_contains};
use sandbox::{Functions, Options, Sandbox};
use tempfile::TempDir;

/// Options with the repository's template.
async fn options() -> Options {
    Options::new(workspace().join("template.yaml"), Functions::InProcess(Arc::new(InProcess::new().await)))
}

/// Copies of the template and the state machine, for a test to change.
struct TemplateCopy {
    folder: TempDir,
}

impl TemplateCopy {
    fn new() -> TestResult<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("statemachine"))?;
        for file in ["template.yaml", "statemachine/backup.asl.json"] {
            fs::copy(workspace().join(file), folder.path().join(file))?;
        }
        Ok(Self { folder })
    }

    fn template(&self) -> PathBuf {
        self.folder.path().join("template.yaml")
    }

    fn machine(&self) -> PathBuf {
        self.folder.path().join("statemachine/backup.asl.json")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn options(&self) -> Options {
        Options { template: self.template(), data: Some(self.data()), ..options().await }
    }
}

/// Replaces a text, which must exist.
fn replace(file: &Path, from: &str, to: &str) -> TestResult {
    let text = fs::read_to_string(file)?;
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    fs::write(file, text.replacen(from, to, 1))?;
    Ok(())
}

/// The error message of a start, which must fail.
async fn start_error(options: Options) -> TestResult<String> {
    match Sandbox::start(options).await {
        Ok(_) => Err("it started".into()),
        Err(error) => Ok(error.to_string()),
    }
}

/// Asserts that a message has one line and contains all of these parts.
#[track_caller]
fn assert_message(message: &str, parts: &[&str]) {
    assert!(!message.contains('\n'), "several lines: {message}");
    assert_contains(message, parts);
}

#[tokio::test]
async fn a_missing_template_is_named() -> TestResult {
    let copy = TemplateCopy::new()?;

    fs::remove_file(copy.template())?;
    let message = start_error(copy.options().await).await?;

    assert_message(&message, &["template.yaml", "cannot be read", "No such file"]);
    assert!(!copy.data().exists(), "no data is written");
    Ok(())
}

#[tokio::test]
async fn a_template_that_is_not_yaml_is_named_with_its_line() -> TestResult {
    let copy = TemplateCopy::new()?;

    fs::write(copy.template(), "Resources:\n  A: [1,\n  B: 2\n")?;
    let message = start_error(copy.options().await).await?;

    assert_message(&message, &["template.yaml:4", "not YAML", "line 2"]);

    fs::write(copy.template(), "just a text")?;

    assert_message(&start_error(copy.options().await).await?, &["template.yaml", "a mapping with a section Resources"]);
    assert!(!copy.data().exists());
    Ok(())
}

#[tokio::test]
async fn an_unknown_resource_type_is_named_with_its_line() -> TestResult {
    let copy = TemplateCopy::new()?;

    replace(&copy.template(), "Type: AWS::SNS::Topic\n", "Type: AWS::SNS::Topik\n")?;
    let text = fs::read_to_string(copy.template())?;
    let line = text.lines().position(|line| line == "  Topic:").ok_or("the template has no Topic")? + 1;
    let message = start_error(copy.options().await).await?;

    assert_message(
        &message,
        &[&format!("template.yaml:{line}: Resources.Topic"), "AWS::SNS::Topik", "AWS::SNS::Topic,"],
    );
    assert!(!copy.data().exists());
    Ok(())
}

#[tokio::test]
async fn a_missing_definition_is_named_with_its_resource() -> TestResult {
    let copy = TemplateCopy::new()?;

    fs::remove_file(copy.machine())?;
    let message = start_error(copy.options().await).await?;

    assert_message(&message, &["template.yaml", "Resources.StateMachine", "backup.asl.json cannot be read"]);
    assert!(!copy.data().exists());
    Ok(())
}

#[tokio::test]
async fn an_invalid_definition_is_named_and_the_next_start_succeeds() -> TestResult {
    for (from, to, expected) in [
        (r#""StartAt": "Validate""#, r#""StartAt": "Valid""#, "Valid"),
        (r#""Next": "Route""#, r#""Next": "Rout""#, "Rout"),
        ("{", "{{", "JSON"),
    ] {
        let copy = TemplateCopy::new()?;
        replace(&copy.machine(), from, to)?;
        let message = start_error(copy.options().await).await?;
        assert_message(&message, &["state machine", "backup.asl.json", expected]);
        fs::copy(workspace().join("statemachine/backup.asl.json"), copy.machine())?;
        Sandbox::start(copy.options().await).await?.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_named_and_unchanged() -> TestResult {
    let copy = TemplateCopy::new()?;

    fs::write(copy.data(), "mine")?;
    let message = start_error(copy.options().await).await?;

    assert_message(&message, &[&copy.data().display().to_string(), "is a file", "folder"]);
    assert_eq!(fs::read_to_string(copy.data())?, "mine");
    Ok(())
}

#[tokio::test]
async fn a_data_folder_in_use_is_named_and_its_sandbox_continues() -> TestResult {
    let copy = TemplateCopy::new()?;

    let first = Sandbox::start(copy.options().await).await?;
    let message = start_error(copy.options().await).await?;

    assert_message(&message, &[&copy.data().display().to_string(), "in use by another sandbox", "another folder"]);

    let address = first.outputs().endpoint_url.trim_start_matches("http://").to_owned();
    tokio::net::TcpStream::connect(address).await?;
    first.stop().await?;
    Sandbox::start(copy.options().await).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_named_and_the_data_stays_usable() -> TestResult {
    let copy = TemplateCopy::new()?;

    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let message = start_error(Options { listen: address, ..copy.options().await }).await?;

    assert_message(&message, &[&address.to_string(), "in use", "another port"]);

    Sandbox::start(copy.options().await).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn an_unknown_parameter_or_variable_is_reported_with_the_known_ones() -> TestResult {
    let mut wrong = options().await;

    wrong.parameters.insert("VerifyMod".to_owned(), "streamed".to_owned());

    assert_message(&start_error(wrong).await?, &["VerifyMod, which is not a parameter", "VerifyMode"]);

    let mut wrong = options().await;
    wrong.environment.insert("VERIFY_MOD".to_owned(), "streamed".to_owned());

    assert_message(&start_error(wrong).await?, &["no function has the configuration VERIFY_MOD", "VERIFY_MODE"]);

    let mut wrong = options().await;
    wrong.parameters.insert("VerifyMode".to_owned(), "sometimes".to_owned());

    assert_message(&start_error(wrong).await?, &["Parameters.VerifyMode", "\"sometimes\"", "stored, streamed"]);
    Ok(())
}
