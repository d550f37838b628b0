//! How each execution of a failing schedule went, one line for each, for people to read.

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};

use super::stage::Stage;
use crate::{TestResult, world::Ended};

/// A line for each execution, oldest first.
pub(super) async fn of(stage: &Stage) -> TestResult<Vec<String>> {
    let world = stage.world()?;
    let mut lines = Vec::new();
    for execution in stage.executions().await? {
        let event = world.event_of(&execution).await?;
        let object = &event["detail"]["object"];
        let path: Vec<String> = world.history(&execution).await?.iter().filter_map(word).collect();
        let Ended { arn, status } = &execution;
        let name = arn.rsplit(':').next().unwrap_or_default();
        let version = object["version-id"].as_str().unwrap_or("null");
        let status = status.as_str();
        lines.push(format!("execution {name} of {} version {version}: {status}: {}", object["key"], path.join(" ")));
    }
    Ok(lines)
}

/// What an event of the history adds to the line, if anything.
fn word(event: &HistoryEvent) -> Option<String> {
    if let Some(entered) = &event.state_entered_event_details {
        return Some(entered.name.clone());
    }
    if let Some(failed) = &event.task_failed_event_details {
        let message = failed.cause.as_deref().unwrap_or_default();
        return Some(format!("!{}({message})", failed.error.as_deref().unwrap_or_default()));
    }
    match event.r#type {
        HistoryEventType::ExecutionRedriven => Some("[redriven]".to_owned()),
        HistoryEventType::ExecutionAborted => Some("[stopped]".to_owned()),
        HistoryEventType::TaskTimedOut => Some("!timeout".to_owned()),
        HistoryEventType::ExecutionFailed => Some("[failed]".to_owned()),
        _ => None,
    }
}
