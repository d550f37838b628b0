//! Whether people are told of a backup already: two executions of one duplicated event may both come to their end, a call may
//! be made again after its execution has ended, and one message is enough. Whatever cannot be found out counts as no, since
//! a message too many is better than none.

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::receipt::Receipt;
use holdfast_s3::NamedCopies;

use crate::Notify;

impl Notify {
    /// Whether the execution that wrote the receipt that is there already has told people, or still will.
    ///
    /// One that has succeeded has: its message comes before its end. Another one that runs still will. This one, while it
    /// runs, may have failed to publish. One that was stopped or failed after it wrote the receipt may have told that the
    /// backup failed, so that this one has to have the last word.
    pub(crate) async fn is_told(&self, receipt: &Receipt, found: &NamedCopies) -> bool {
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
                tracing::warn!(%error, writer, "the execution that wrote the receipt could not be looked at");
                false
            }
        }
    }
}
