//! AWS's payloads for invocations that end without an answer of the function.

use std::{process::ExitStatus, time::Duration};

use bytes::Bytes;
use serde_json::json;

use sandbox_core::ports::Invocation;

/// The maximum size of a request or an answer in bytes: 6 MiB.
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

/// The function's process exited without an answer.
pub(super) fn exited(request_id: &str, status: Option<ExitStatus>) -> Invocation {
    let reason = match status {
        Some(status) if !status.success() => {
            // Rust writes "exit status: 1" where AWS, whose agent is written in Go, shows "exit status 1".
            let status = status.to_string().replace("exit status: ", "exit status ");
            format!("Runtime exited with error: {status}")
        }
        _ => "Runtime exited without providing a reason".to_owned(),
    };
    failed("Runtime.ExitError", &format!("RequestId: {request_id} Error: {reason}"))
}

/// The function's process was killed. AWS shows the same if the kernel kills a process that is out of memory.
pub(super) fn killed(request_id: &str) -> Invocation {
    failed("Runtime.ExitError", &format!("RequestId: {request_id} Error: Runtime exited with error: signal: killed"))
}

/// The function's answer exceeds Lambda's limit.
pub(super) fn too_large(size: usize) -> Invocation {
    let message =
        format!("Response payload size ({size} bytes) exceeded maximum allowed payload size (6291556 bytes).");
    failed("Function.ResponseSizeTooLarge", &message)
}
