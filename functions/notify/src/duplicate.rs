//! Whether another execution tells people of the same backup: two executions of one duplicated event may both come to their
//! end, and one message is enough. Whatever cannot be found out counts as no, since a message too many is better than none.

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::receipt::Receipt;
use holdfast_lambda::s3::Named;

use crate::Notify;

impl Notify {
    /// Whether the receipt that is there already was written by another execution, and that one has told people or still
    /// will: it succeeded, or it runs. One that was stopped or failed after it wrote the receipt may have told that the
    /// backup failed, so that this one has to have the last word.
    pub(crate) async fn another_tells(&self, receipt: &Receipt, found: &Named) -> bool {
        let other = &found.execution.arn;
        if *other == receipt.execution.arn {
            return false;
        }
        let described = self.aws.states().describe_execution().execution_arn(other).send().await;
        match described {
            Ok(other) => matches!(other.status(), ExecutionStatus::Running | ExecutionStatus::Succeeded),
            Err(error) => {
                tracing::warn!(%error, other, "the execution that wrote the receipt could not be looked at");
                false
            }
        }
    }
}
