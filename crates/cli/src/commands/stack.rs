//! `holdfast stack`: finds a deployed stack and shows its resources.

use std::path::PathBuf;

use clap::Args;
use holdfast_operate::stack::{Connection, ReadyFile, Stack};
use serde::Serialize;

use super::{CommandError, print_line};
use crate::{Outcome, output::OutputFormat};

const EXAMPLES: &str = "\
Examples:
  holdfast stack --stack backups          a stack that `sam deploy` created
  HOLDFAST_STACK=backups holdfast stack   the same
  holdfast stack --ready-file ready.json  the stack in a running sandbox
  holdfast stack --stack backups --output json | jq -r .backupBucket

Region, credentials and endpoint are those of the AWS CLI:
AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL.
Exit codes: 0 found, 1 failed, 2 wrong usage, 4 no such stack.";

/// The variable that names the stack if no option names it.
const VARIABLE: &str = "HOLDFAST_STACK";

/// `holdfast stack`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StackArguments {
    #[command(flatten)]
    selection: StackSelection,
    /// Format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
}

/// The options that name a stack.
#[derive(Debug, Args)]
pub(crate) struct StackSelection {
    /// Name or ARN of the CloudFormation stack [env: HOLDFAST_STACK]
    #[arg(long, value_name = "NAME", conflicts_with = "ready_file")]
    stack: Option<String>,
    /// Ready file of a running sandbox, which `holdfast up --ready-file` wrote
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl StackSelection {
    /// Finds the stack.
    pub(crate) async fn find(self) -> Result<Stack, CommandError> {
        let variable = std::env::var(VARIABLE).ok();
        Ok(match source(self.stack, self.ready_file, variable)? {
            Source::CloudFormation(name) => Stack::find(&name).await?,
            Source::ReadyFile(path) => ReadyFile::read(&path)?.stack()?,
        })
    }
}

/// The source of the stack's outputs.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    CloudFormation(String),
    ReadyFile(PathBuf),
}

/// Runs the command.
pub(crate) async fn run(arguments: StackArguments) -> Result<Outcome, CommandError> {
    let stack = arguments.selection.find().await?;
    let text = match arguments.output {
        OutputFormat::Text => table(&stack),
        OutputFormat::Json => serde_json::to_string_pretty(&Document::new(&stack))?,
    };
    print_line(&text)?;
    Ok(Outcome::Success)
}

/// An option takes precedence over the variable.
fn source(
    stack: Option<String>,
    ready_file: Option<PathBuf>,
    variable: Option<String>,
) -> Result<Source, CommandError> {
    let from_variable = || variable.filter(|name| !name.is_empty()).map(Source::CloudFormation);
    stack.map(Source::CloudFormation).or_else(|| ready_file.map(Source::ReadyFile)).or_else(from_variable).ok_or(
        CommandError::Usage(
            "no stack is named; name one with --stack or HOLDFAST_STACK, or the ready file of a sandbox with \
             --ready-file",
        ),
    )
}

/// The stack with its links, as JSON shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    stack: &'a Stack,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    console_url: Option<String>,
}

impl<'a> Document<'a> {
    fn new(stack: &'a Stack) -> Self {
        Self { stack, endpoint_url: endpoint(stack), console_url: stack.console_url() }
    }
}

fn endpoint(stack: &Stack) -> Option<&str> {
    match &stack.connection {
        Connection::Environment => None,
        Connection::Sandbox(sandbox) => Some(&sandbox.endpoint_url),
    }
}

fn table(stack: &Stack) -> String {
    let replica = stack.replica.as_ref();
    let replica =
        replica.map_or_else(|| "none".to_owned(), |replica| format!("{} ({})", replica.bucket, replica.region));
    let mut rows = vec![
        ("Stack", stack.name.clone()),
        ("Region", stack.region.clone()),
        ("Source bucket", stack.source_bucket.to_string()),
        ("Backup bucket", stack.backup_bucket.to_string()),
        ("Replica bucket", replica),
        ("Receipts", format!("s3://{}/{}", stack.receipts.bucket, stack.receipts.prefix)),
        ("Topic", stack.topic_arn.clone()),
        ("State machine", stack.state_machine_arn.clone()),
        ("Undelivered events", stack.undelivered_events_url.clone()),
    ];
    rows.extend(endpoint(stack).map(|endpoint| ("Endpoint", endpoint.to_owned())));
    rows.extend(stack.console_url().map(|url| ("Console", url)));
    let lines = rows.iter().map(|(name, value)| format!("{name:<20}{value}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn stack() -> Result<Stack, CommandError> {
        let outputs = [
            ("SourceBucketName", "source"),
            ("BackupBucketName", "backup"),
            ("ReceiptBucketName", "backup"),
            ("ReceiptPrefix", ".holdfast/receipts/"),
            ("TopicArn", "arn:aws:sns:eu-west-1:111122223333:topic"),
            ("StateMachineArn", "arn:aws:states:eu-west-1:111122223333:stateMachine:holdfast-backup"),
            ("UndeliveredEventsUrl", "https://sqs.eu-west-1.amazonaws.com/111122223333/undelivered"),
        ];
        let outputs: BTreeMap<String, String> =
            outputs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Stack::from_outputs("backups", "eu-west-1", Connection::Environment, &outputs)?)
    }

    #[test]
    fn an_option_takes_precedence_over_the_variable_and_one_of_them_is_required() -> Result<(), CommandError> {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(source(text("a"), None, text("b"))?, Source::CloudFormation("a".to_owned()));
        assert_eq!(source(None, Some("r".into()), text("b"))?, Source::ReadyFile("r".into()));
        assert_eq!(source(None, None, text("b"))?, Source::CloudFormation("b".to_owned()));
        for variable in [None, text("")] {
            assert_eq!(source(None, None, variable).err().map(|error| error.exit_code()), Some(2));
        }
        let both = Cli::try_parse_from(["holdfast", "stack", "--stack", "a", "--ready-file", "r"]);
        assert!(both.is_err());
        Ok(())
    }

    #[test]
    fn the_table_and_the_document_show_the_resources_of_the_stack() -> Result<(), CommandError> {
        let stack = stack()?;
        let table = table(&stack);
        for line in [
            "Stack               backups\n",
            "Backup bucket       backup\n",
            "Replica bucket      none\n",
            "Receipts            s3://backup/.holdfast/receipts/\n",
            "Console             https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/statemachines/",
        ] {
            assert!(table.contains(line), "{line:?} is missing in\n{table}");
        }
        let document = serde_json::to_value(Document::new(&stack))?;
        assert_eq!((&document["backupBucket"], &document["receipts"]["bucket"]), (&"backup".into(), &"backup".into()));
        assert!(document["consoleUrl"].is_string() && document["endpointUrl"].is_null(), "{document}");
        Ok(())
    }
}
