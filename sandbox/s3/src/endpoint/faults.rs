//! Fault rules for requests. They are evaluated when the operation and the caller's permission are known. Their effects
//! occur there, when bytes are stored, and when the answer is sent.

use std::sync::{Arc, OnceLock};

use http::{Response, StatusCode};
use s3s::{Body, S3Error, S3ErrorCode, S3Result, access::S3AccessContext, path::S3Path, s3_error};
use sandbox_core::faults::{Call, CallOrigin, Ending, ErrorAnswer, Faults, Life, Moment, NoAnswer, Plan, Service};

use crate::objects::corruption::Flip;

/// Whether the answer of a request is lost, and the invocation that dies with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnswerLoss(Arc<OnceLock<Option<Arc<CallOrigin>>>>);

impl AnswerLoss {
    fn lose_answer(&self, killed: Option<Arc<CallOrigin>>) {
        // Set once for each request.
        let _ = self.0.set(killed);
    }

    /// The answer for the client. Kills the invocation if it dies with the answer.
    pub(crate) fn apply(&self, mut answer: Response<Body>) -> Response<Body> {
        if let Some(killed) = self.0.get() {
            if let Some(origin) = killed {
                origin.kill();
            }
            answer.extensions_mut().insert(NoAnswer);
        }
        answer
    }
}

/// Evaluates the fault rules for a request. An error rejects the request.
pub(crate) async fn apply(faults: &Faults, context: &mut S3AccessContext<'_>) -> S3Result<()> {
    let access_key = context.credentials().map(|credentials| credentials.access_key.clone()).unwrap_or_default();
    let origin = faults.origin(&access_key);
    let Plan { latency, flip, ending } = plan(faults, context, origin.as_ref());
    tokio::time::sleep(latency).await;
    if let Some(offset) = flip {
        context.extensions_mut().insert(Flip { offset });
    }
    let answer_loss = context.extensions_mut().get::<AnswerLoss>().cloned().unwrap_or_default();
    let lost = || s3_error!(InternalError, "The answer is lost");
    match ending {
        Ending::Error(answer) => Err(refusal(&answer)),
        Ending::Drop(moment) => {
            answer_loss.lose_answer(None);
            if moment == Moment::Before { Err(lost()) } else { Ok(()) }
        }
        Ending::Kill(life) => {
            answer_loss.lose_answer(origin);
            if life == Life::Before { Err(lost()) } else { Ok(()) }
        }
        Ending::AsUsual | Ending::FunctionError { .. } | Ending::Delivery(_) => Ok(()),
    }
}

fn plan(faults: &Faults, context: &S3AccessContext<'_>, origin: Option<&Arc<CallOrigin>>) -> Plan {
    let (bucket, key) = match context.s3_path() {
        S3Path::Root => ("", ""),
        S3Path::Bucket { bucket } => (&**bucket, ""),
        S3Path::Object { bucket, key } => (&**bucket, &**key),
    };
    let query = context.uri().query().unwrap_or_default();
    let part = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "partNumber")
        .and_then(|(_, value)| value.parse().ok());
    let call = Call { bucket, key, part, ..Call::new(Service::S3, context.s3_op().name()) };
    match origin {
        Some(caller) => faults.plan_for(&caller.attach_to(call), origin),
        None => faults.plan(&call),
    }
}

fn refusal(answer: &ErrorAnswer) -> S3Error {
    let complete = answer.complete();
    let code = S3ErrorCode::from_bytes(complete.code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let mut error = S3Error::with_message(code, complete.message);
    let status = if answer.inside200 { Ok(StatusCode::OK) } else { StatusCode::from_u16(complete.status) };
    error.set_status_code(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    error
}
