//! How an invocation ends when the function itself does not say it: the payloads that AWS answers then.

use std::{process::ExitStatus, time::Duration};

use bytes::Bytes;
use serde_json::json;

use sandbox_core::ports::Invocation;

/// What a function may receive and answer, in bytes: 6 MiB.
pub(super) const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// A failure with an error type and a message, as functions report them.
pub(super) fn failed(error_type: &str, message: &str) -> Invocation {
    let payload = json!({ "errorType": error_type, "errorMessage": message });
    Invocation::Failed(Bytes::from(payload.to_string()))
}

/// The function did not answer in time.
pub(super) fn timed_out(request_id: &str, timeout: Duration) -> Invocation {
    let seconds = timeout.as_secs_f64();
    failed("Sandbox.Timedout", &format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"))
}

/// The function's process ended instead of answering.
pub(super) fn exited(request_id: &str, status: Option<ExitStatus>) -> Invocation {
    let reason = match status {
        Some(status) if !status.success() => {
            // "exit status: 1" is how Rust writes what AWS, whose agent is written in Go, shows as "exit status 1".
            let status = status.to_string().replace("exit status: ", "exit status ");
            format!("Runtime exited with error: {status}")
        }
        _ => "Runtime exited without providing a reason".to_owned(),
    };
    failed("Runtime.ExitError", &format!("RequestId: {request_id} Error: {reason}"))
}

/// The function's process was killed: as AWS shows one that the kernel ended for want of memory.
pub(super) fn killed(request_id: &str) -> Invocation {
    failed("Runtime.ExitError", &format!("RequestId: {request_id} Error: Runtime exited with error: signal: killed"))
}

/// The function answered more than Lambda hands on.
pub(super) fn too_large(size: usize) -> Invocation {
    let message =
        format!("Response payload size ({size} bytes) exceeded maximum allowed payload size (6291556 bytes).");
    failed("Function.ResponseSizeTooLarge", &message)
}
