//! The path of each execution of a failing schedule, one line each.

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};

use super::session::Session;
use crate::{TestResult, fixture::ExecutionSummary};

/// A line for each execution, oldest first.
pub(super) async fn execution_lines(session: &Session) -> TestResult<Vec<String>> {
    let fixture = session.fixture()?;
    let mut lines = Vec::new();
    for execution in fixture.executions().await? {
        let event = fixture.input_event(&execution).await?;
        let object = &event["detail"]["object"];
        let path: Vec<String> = fixture.history(&execution).await?.iter().filter_map(label).collect();
        let ExecutionSummary { arn, status } = &execution;
        let name = arn.rsplit(':').next().unwrap_or_default();
        let version = object["version-id"].as_str().unwrap_or("null");
        let status = status.as_str();
        lines.push(format!("execution {name} of {} version {version}: {status}: {}", object["key"], path.join(" ")));
    }
    Ok(lines)
}

/// The label of a history event; most events have none.
fn label(event: &HistoryEvent) -> Option<String> {
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
