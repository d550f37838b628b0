//! What a person does after an execution ended, with the command that does it.

use holdfast_core::{
    console,
    event::{BACKUP_REQUESTED, ExecutionEnded},
    failure::NextStep,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{failure::Object, text};

/// How long after its end an execution can be redriven
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>).
const REDRIVABLE: Duration = Duration::days(14);

/// The last paragraph of a message: the command of the next step. Empty if no command helps.
pub(crate) fn paragraph(step: NextStep, ended: &ExecutionEnded, object: &Object) -> String {
    let when = match step {
        NextStep::Redrive if ended.status == "ABORTED" => "If the execution was stopped by mistake, resume it",
        NextStep::Redrive => "After you fix the cause, resume the execution",
        NextStep::RedriveLater => "When the service is available again, resume the execution",
        NextStep::RequestBackup => {
            let command = request_command(ended, object);
            return command.map(|command| format!("To request a new backup:\n\n    {command}\n")).unwrap_or_default();
        }
        NextStep::CorrectInput => {
            return format!("To read the input that was sent:\n\n    {}\n", input_command(ended));
        }
        NextStep::None => return String::new(),
    };
    let until = ended.stop_date.and_then(text::time).and_then(|stop: OffsetDateTime| stop.checked_add(REDRIVABLE));
    let until = until.map(|until| format!(" (until {})", text::day(until))).unwrap_or_default();
    format!("{when}{until}:\n\n    {}\n", redrive_command(ended))
}

/// The command that redrives the execution, if a redrive helps.
pub(crate) fn redrive(step: NextStep, ended: &ExecutionEnded) -> Option<String> {
    matches!(step, NextStep::Redrive | NextStep::RedriveLater).then(|| redrive_command(ended))
}

fn redrive_command(ended: &ExecutionEnded) -> String {
    let arn = &ended.execution_arn;
    format!("aws stepfunctions redrive-execution --execution-arn {arn} --region {}", console::region(arn))
}

fn input_command(ended: &ExecutionEnded) -> String {
    let arn = &ended.execution_arn;
    let region = console::region(arn);
    format!("aws stepfunctions describe-execution --execution-arn {arn} --region {region} --query input --output text")
}

/// The command that requests a backup of the object, if the input of the execution named the object.
fn request_command(ended: &ExecutionEnded, object: &Object) -> Option<String> {
    let (bucket, key) = (object.bucket.as_deref()?, object.key.as_deref()?);
    let mut named = json!({"key": key});
    if let Some(version) = &object.version_id {
        named["version-id"] = json!(version);
    }
    let detail = json!({"bucket": {"name": bucket}, "object": named}).to_string();
    let entries =
        json!([{"Source": "holdfast.operator", "DetailType": BACKUP_REQUESTED, "Detail": detail}]).to_string();
    let region = console::region(&ended.execution_arn);
    Some(format!("aws events put-events --region {region} --entries {}", quoted(&entries)))
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: &str) -> ExecutionEnded {
        ExecutionEnded {
            execution_arn: "arn:aws:states:eu-west-1:111122223333:execution:holdfast-backup:e-1".to_owned(),
            state_machine_arn: String::new(),
            name: "e-1".to_owned(),
            status: status.to_owned(),
            start_date: 0,
            stop_date: Some(0),
            input: None,
            error: None,
            cause: None,
        }
    }

    fn object() -> Object {
        let text = |text: &str| Some(text.to_owned());
        Object { bucket: text("src"), key: text("it's"), version_id: text("v1"), size: None }
    }

    #[test]
    fn a_redrive_is_offered_only_if_it_helps() {
        for (step, offered) in [
            (NextStep::Redrive, true),
            (NextStep::RedriveLater, true),
            (NextStep::RequestBackup, false),
            (NextStep::CorrectInput, false),
            (NextStep::None, false),
        ] {
            let paragraph = paragraph(step, &ended("FAILED"), &object());
            assert_eq!(paragraph.contains("redrive-execution"), offered, "{paragraph}");
            assert_eq!(paragraph.contains("(until 1970-01-15)"), offered, "{paragraph}");
            assert_eq!(redrive(step, &ended("FAILED")).is_some(), offered);
        }
    }

    #[test]
    fn a_new_backup_is_requested_with_a_command_that_a_shell_takes() {
        let command = request_command(&ended("FAILED"), &object()).unwrap_or_default();
        let entries = command.strip_prefix("aws events put-events --region eu-west-1 --entries '");
        let entries = entries.and_then(|rest| rest.strip_suffix('\'')).unwrap_or_default();
        assert!(entries.contains(r"it'\''s"), "the shell reads an apostrophe: {entries}");
        let entries: serde_json::Value = serde_json::from_str(&entries.replace(r"'\''", "'")).unwrap_or_default();
        let detail = entries[0]["Detail"].as_str().unwrap_or_default();
        let detail: serde_json::Value = serde_json::from_str(detail).unwrap_or_default();
        let expected = json!({"bucket": {"name": "src"}, "object": {"key": "it's", "version-id": "v1"}});
        assert_eq!((&entries[0]["DetailType"], &detail), (&json!("Backup Requested"), &expected));
        assert_eq!(request_command(&ended("FAILED"), &Object::default()), None);
    }
}
