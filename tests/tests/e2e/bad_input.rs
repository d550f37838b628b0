//! A sandbox that cannot start says in one sentence what is wrong, where, and what would be right, and leaves nothing
//! half done.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_tests::{TestResult, in_process::InProcess, world::workspace};
use sandbox::{Functions, Options, Sandbox};
use tempfile::TempDir;

/// The product's own template, to be started with something changed.
async fn options() -> Options {
    Options::new(workspace().join("template.yaml"), Functions::InProcess(Arc::new(InProcess::new().await)))
}

/// A copy of the template and of the state machine, for a test to spoil.
struct Copied {
    folder: TempDir,
}

impl Copied {
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

/// Replaces a text that has to be there.
fn replace(file: &Path, from: &str, to: &str) -> TestResult {
    let text = fs::read_to_string(file)?;
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    fs::write(file, text.replacen(from, to, 1))?;
    Ok(())
}

/// The sentence of a start that has to fail.
async fn refusal(options: Options) -> TestResult<String> {
    match Sandbox::start(options).await {
        Ok(_) => Err("it started".into()),
        Err(error) => Ok(error.to_string()),
    }
}

/// A sentence on one line that has all of these parts.
fn assert_says(sentence: &str, expected: &[&str]) {
    assert!(!sentence.contains('\n'), "one line: {sentence}");
    for part in expected {
        assert!(sentence.contains(part), "{part:?} is missing in: {sentence}");
    }
}

#[tokio::test]
async fn a_template_that_is_missing_is_named() -> TestResult {
    let copied = Copied::new()?;
    fs::remove_file(copied.template())?;
    let sentence = refusal(copied.options().await).await?;
    assert_says(&sentence, &["template.yaml", "cannot be read", "No such file"]);
    assert!(!copied.data().exists(), "no data is made for a template that cannot be read");
    Ok(())
}

#[tokio::test]
async fn a_template_that_is_not_yaml_is_named_with_the_line() -> TestResult {
    let copied = Copied::new()?;
    fs::write(copied.template(), "Resources:\n  A: [1,\n  B: 2\n")?;
    let sentence = refusal(copied.options().await).await?;
    assert_says(&sentence, &["template.yaml:4", "not YAML", "line 2"]);
    fs::write(copied.template(), "just a text")?;
    assert_says(&refusal(copied.options().await).await?, &["template.yaml", "a mapping with a section Resources"]);
    assert!(!copied.data().exists());
    Ok(())
}

#[tokio::test]
async fn a_resource_of_a_type_that_the_sandbox_does_not_know_is_named_with_its_line() -> TestResult {
    let copied = Copied::new()?;
    replace(&copied.template(), "Type: AWS::SNS::Topic\n", "Type: AWS::SNS::Topik\n")?;
    let text = fs::read_to_string(copied.template())?;
    let line = text.lines().position(|line| line == "  Topic:").ok_or("the template has no Topic")? + 1;
    let sentence = refusal(copied.options().await).await?;
    assert_says(&sentence, &[&format!("template.yaml:{line}: Resources.Topic"), "AWS::SNS::Topik", "AWS::SNS::Topic,"]);
    assert!(!copied.data().exists());
    Ok(())
}

#[tokio::test]
async fn a_definition_that_is_missing_is_named_with_the_resource_that_wants_it() -> TestResult {
    let copied = Copied::new()?;
    fs::remove_file(copied.machine())?;
    let sentence = refusal(copied.options().await).await?;
    assert_says(&sentence, &["template.yaml", "Resources.StateMachine", "backup.asl.json cannot be read"]);
    assert!(!copied.data().exists());
    Ok(())
}

#[tokio::test]
async fn a_definition_that_is_wrong_is_named_with_the_state_and_the_next_start_is_well() -> TestResult {
    for (from, to, expected) in [
        (r#""StartAt": "Validate""#, r#""StartAt": "Valid""#, "Valid"),
        (r#""Next": "Route""#, r#""Next": "Rout""#, "Rout"),
        ("{", "{{", "JSON"),
    ] {
        let copied = Copied::new()?;
        replace(&copied.machine(), from, to)?;
        let sentence = refusal(copied.options().await).await?;
        assert_says(&sentence, &["state machine", "backup.asl.json", expected]);
        fs::copy(workspace().join("statemachine/backup.asl.json"), copied.machine())?;
        Sandbox::start(copied.options().await).await?.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_named_and_left_as_it_is() -> TestResult {
    let copied = Copied::new()?;
    fs::write(copied.data(), "mine")?;
    let sentence = refusal(copied.options().await).await?;
    assert_says(&sentence, &[&copied.data().display().to_string(), "is a file", "folder"]);
    assert_eq!(fs::read_to_string(copied.data())?, "mine");
    Ok(())
}

#[tokio::test]
async fn a_data_folder_that_another_sandbox_uses_is_named_and_the_other_goes_on() -> TestResult {
    let copied = Copied::new()?;
    let first = Sandbox::start(copied.options().await).await?;
    let sentence = refusal(copied.options().await).await?;
    assert_says(&sentence, &[&copied.data().display().to_string(), "in use by another sandbox", "another folder"]);
    let address = first.outputs().endpoint_url.trim_start_matches("http://").to_owned();
    tokio::net::TcpStream::connect(address).await?;
    first.stop().await?;
    Sandbox::start(copied.options().await).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_port_that_is_in_use_is_named_and_the_data_can_be_opened_again() -> TestResult {
    let copied = Copied::new()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?;
    let sentence = refusal(Options { listen: address, ..copied.options().await }).await?;
    assert_says(&sentence, &[&address.to_string(), "in use", "another port"]);
    Sandbox::start(copied.options().await).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_parameter_or_a_variable_that_does_not_exist_is_answered_with_those_that_do() -> TestResult {
    let mut wrong = options().await;
    wrong.parameters.insert("VerifyMod".to_owned(), "streamed".to_owned());
    assert_says(&refusal(wrong).await?, &["VerifyMod, which is not a parameter", "VerifyMode"]);
    let mut wrong = options().await;
    wrong.environment.insert("VERIFY_MOD".to_owned(), "streamed".to_owned());
    assert_says(&refusal(wrong).await?, &["no function has the configuration VERIFY_MOD", "VERIFY_MODE"]);
    let mut wrong = options().await;
    wrong.parameters.insert("VerifyMode".to_owned(), "sometimes".to_owned());
    assert_says(&refusal(wrong).await?, &["Parameters.VerifyMode", "\"sometimes\"", "stored, streamed"]);
    Ok(())
}
