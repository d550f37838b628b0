//! Fault rules for requests. They are evaluated when the operation and the caller's permission are known. Their effects
//! occur there, when bytes are stored, and when the answer is sent.

use std::sync::{Arc, OnceLock};

use http::{Response, StatusCode};
use s3s::{Body, S3Error, S3ErrorCode, S3Result, access::S3AccessContext, path::S3Path, s3_error};
use sandbox_core::faults::{Call, Ending, ErrorAnswer, Faults, Life, Moment, NoAnswer, Plan, Service, Working};

use crate::objects::corruption::Flip;

/// Whether the answer of a request is lost, and the invocation that dies with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fate(Arc<OnceLock<Option<Arc<Working>>>>);

impl Fate {
    fn lose_answer(&self, dies: Option<Arc<Working>>) {
        // Set once for each request.
        let _ = self.0.set(dies);
    }

    /// The answer that the client gets.
    pub(crate) fn of(&self, mut answer: Response<Body>) -> Response<Body> {
        if let Some(dies) = self.0.get() {
            if let Some(working) = dies {
                working.kill();
            }
            answer.extensions_mut().insert(NoAnswer);
        }
        answer
    }
}

/// Evaluates the fault rules for a request. An error rejects the request.
pub(crate) async fn meet(faults: &Faults, context: &mut S3AccessContext<'_>) -> S3Result<()> {
    let access_key = context.credentials().map(|credentials| credentials.access_key.clone()).unwrap_or_default();
    let working = faults.working(&access_key);
    let Plan { latency, flip, ending } = plan(faults, context, working.as_ref());
    tokio::time::sleep(latency).await;
    if let Some(offset) = flip {
        context.extensions_mut().insert(Flip { offset });
    }
    let fate = context.extensions_mut().get::<Fate>().cloned().unwrap_or_default();
    let lost = || s3_error!(InternalError, "The answer is lost");
    match ending {
        Ending::Error(answer) => Err(refusal(&answer)),
        Ending::Drop(moment) => {
            fate.lose_answer(None);
            if moment == Moment::Before { Err(lost()) } else { Ok(()) }
        }
        Ending::Kill(life) => {
            fate.lose_answer(working);
            if life == Life::Before { Err(lost()) } else { Ok(()) }
        }
        Ending::AsUsual | Ending::FunctionError { .. } | Ending::Delivery(_) => Ok(()),
    }
}

fn plan(faults: &Faults, context: &S3AccessContext<'_>, working: Option<&Arc<Working>>) -> Plan {
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
    match working {
        Some(making) => faults.plan_for(&making.makes(call), working),
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
