//! Decides whether a backup is already reported: two executions of one duplicated event may both complete, and a call
//! may be repeated after its execution ended. One message is enough. If the answer is unknown, the backup is reported
//! again, because a duplicate message is better than none.

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::receipt::Receipt;
use holdfast_s3::NamedCopies;

use crate::Notify;

impl Notify {
    /// Whether the execution that wrote the existing receipt has published a message, or will.
    ///
    /// An execution that succeeded has: it publishes before it ends. Another execution that is running will. This
    /// execution may have failed to publish. An execution that failed or was stopped after it wrote the receipt may
    /// have reported a failed backup, so this one reports the success.
    pub(crate) async fn is_already_reported(&self, receipt: &Receipt, found: &NamedCopies) -> bool {
        let writer = &found.execution.arn;
        let is_another = *writer != receipt.execution.arn;
        let described = self.aws.states().describe_execution().execution_arn(writer).send().await;
        match described {
            Ok(described) => match described.status() {
                ExecutionStatus::Succeeded => true,
                ExecutionStatus::Running => is_another,
                _ => false,
            },
            Err(error) => {
                tracing::warn!(%error, writer, "the execution that wrote the receipt could not be described");
                false
            }
        }
    }
}
