//! Services that are not available at the moment.

use super::{
    Entry, ErrorName, Recovery, Remedy,
    steps::{CHECK_HEALTH, REDRIVE, run, step},
};

const REDRIVE_LATER: &str =
    "A redrive continues in the failed state. It fails again while the service is not available.";

pub(super) static S3_THROTTLED: Entry = Entry {
    name: ErrorName::S3Throttled,
    recovery: Recovery::Retry,
    meaning: "S3, or KMS behind it, asked to slow down.",
    remedy: Remedy::Wait,
    procedure: &[
        step("Find out which other clients load the bucket that the message names, and pause them."),
        step(
            "If only Holdfast loads the bucket, deploy with a lower `CopyConcurrency`. It limits the part copies of one \
             function at a time.",
        ),
        step("Wait for some minutes: S3 raises the request rate of a key prefix gradually."),
        REDRIVE,
    ],
    redrive: REDRIVE_LATER,
};

pub(super) static S3_UNAVAILABLE: Entry = Entry {
    name: ErrorName::S3Unavailable,
    recovery: Recovery::Retry,
    meaning: "S3, or KMS behind it, did not answer, or answered with an internal error.",
    remedy: Remedy::Wait,
    procedure: &[
        CHECK_HEALTH,
        run(
            "Read the log of the function for requests that timed out. The function is the one of the failed state.",
            "aws logs tail /aws/lambda/STACK-FUNCTION --since 2h --region REGION",
        ),
        step(
            "If the message says that nothing was copied or read in the time of one invocation, raise the timeout or the \
             memory of that function in the template, and deploy.",
        ),
        REDRIVE,
    ],
    redrive: REDRIVE_LATER,
};

pub(super) static SNS_UNAVAILABLE: Entry = Entry {
    name: ErrorName::SnsUnavailable,
    recovery: Recovery::Retry,
    meaning: "SNS did not answer, throttled the request, or answered with an internal error.",
    remedy: Remedy::Wait,
    procedure: &[
        step("The backup is complete and its receipt is written. Only the message is missing, so there is no hurry."),
        CHECK_HEALTH,
        REDRIVE,
    ],
    redrive: "A redrive publishes the message and does not write a second receipt.",
};

pub(super) static STEP_FUNCTIONS_UNAVAILABLE: Entry = Entry {
    name: ErrorName::StepFunctionsUnavailable,
    recovery: Recovery::Retry,
    meaning: "Step Functions did not answer, throttled the request, or answered with an internal error.",
    remedy: Remedy::Wait,
    procedure: &[
        step(
            "This error never fails a state. It appears only in a message about another failure, when the history of that \
             execution could not be read.",
        ),
        run(
            "Read the history yourself, and follow the procedure of the error that it shows.",
            "aws stepfunctions get-execution-history --execution-arn EXECUTION_ARN --region REGION \\\n  \
             --reverse-order --max-items 20",
        ),
    ],
    redrive: "A redrive continues in the failed state after you fix the cause of the other failure.",
};
