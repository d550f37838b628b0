//! Random fault rules for the requests of the functions, for invocations, and for the delivery of events.
//!
//! A rule raises only errors that AWS can raise in that state. S3 is strongly consistent, so no rule reports an existing
//! object as missing, or an unchanged source as changed: steps delete and replace versions. A rule can report a failed
//! precondition or a missing upload, because a new plan checks both.

use sandbox::faults::{Effect, Life, Moment, Rule, Service, Target, When};

use super::rng::Rng;

/// The calls of each function. Duplicates are more likely.
const CALLS: &[(&str, Service, &str)] = &[
    ("validate", Service::S3, "HeadObject"),
    ("validate", Service::S3, "GetObjectTagging"),
    ("validate", Service::S3, "GetObject"),
    ("validate", Service::S3, "CreateMultipartUpload"),
    ("validate", Service::S3, "AbortMultipartUpload"),
    ("copy-part", Service::S3, "CopyObject"),
    ("copy-part", Service::S3, "CopyObject"),
    ("copy-part", Service::S3, "ListParts"),
    ("copy-part", Service::S3, "UploadPartCopy"),
    ("copy-part", Service::S3, "UploadPartCopy"),
    ("copy-part", Service::S3, "HeadObject"),
    ("complete-multipart", Service::S3, "ListParts"),
    ("complete-multipart", Service::S3, "CompleteMultipartUpload"),
    ("complete-multipart", Service::S3, "CompleteMultipartUpload"),
    ("complete-multipart", Service::S3, "HeadObject"),
    ("complete-multipart", Service::S3, "AbortMultipartUpload"),
    ("checksum-verify", Service::S3, "HeadObject"),
    ("checksum-verify", Service::S3, "GetObject"),
    ("checksum-verify", Service::S3, "GetObjectTagging"),
    ("checksum-verify", Service::S3, "PutObjectTagging"),
    ("checksum-verify", Service::S3, "DeleteObject"),
    ("cross-region-replicate", Service::S3, "HeadObject"),
    ("cross-region-replicate", Service::S3, "CopyObject"),
    ("cross-region-replicate", Service::S3, "CreateMultipartUpload"),
    ("notify", Service::S3, "PutObject"),
    ("notify", Service::S3, "GetObject"),
    ("notify", Service::S3, "HeadObject"),
    ("notify", Service::Sns, "Publish"),
    ("notify", Service::States, "GetExecutionHistory"),
];

/// The calls that copy bytes.
const COPIES: &[(&str, &str)] =
    &[("copy-part", "CopyObject"), ("copy-part", "UploadPartCopy"), ("cross-region-replicate", "CopyObject")];

const FUNCTIONS: &[&str] =
    &["validate", "copy-part", "complete-multipart", "checksum-verify", "cross-region-replicate", "notify"];

/// A random fault rule.
pub(super) fn random_rule(rng: &mut Rng) -> Rule {
    let (target, effect) = match rng.weighted(&[(6, 0), (4, 1), (3, 2), (4, 3), (1, 4), (1, 5), (5, 6)]) {
        0 => error_response(rng),
        1 => for_a_call(rng, |rng| Effect::Drop(moment(rng))),
        2 => for_a_call(rng, |rng| Effect::Kill(rng.pick(&[Life::Before, Life::After]))),
        3 => failing_invocation(rng),
        4 => for_a_call(rng, |rng| Effect::Latency { millis: rng.pick(&[500, 30_000, 300_000, 1_200_000]) }),
        5 => flipped_byte(rng),
        _ => irregular_delivery(rng),
    };
    let when = when(rng, &effect);
    Rule { target, when, effect }
}

fn for_a_call(rng: &mut Rng, effect: impl Fn(&mut Rng) -> Effect) -> (Target, Effect) {
    let (function, service, operation) = rng.pick(CALLS);
    (Target::operation(service, operation).function(function), effect(rng))
}

/// A service responds with an error.
fn error_response(rng: &mut Rng) -> (Target, Effect) {
    let (function, service, operation) = rng.pick(CALLS);
    let target = Target::operation(service, operation).function(function);
    let effect = match service {
        Service::S3 => s3_error(rng, operation),
        Service::Sns => Effect::error(rng.pick(&["Throttled", "InternalFailure", "AuthorizationError", "NotFound"])),
        _ => Effect::error(rng.pick(&["ThrottlingException", "InternalFailure", "AccessDeniedException"])),
    };
    (target, effect)
}

fn s3_error(rng: &mut Rng, operation: &str) -> Effect {
    let mut codes = vec!["SlowDown", "SlowDown", "InternalError", "ServiceUnavailable", "AccessDenied"];
    let publishes = ["CopyObject", "CompleteMultipartUpload"].contains(&operation);
    if publishes {
        codes.extend(["PreconditionFailed", "ConditionalRequestConflict"]);
    }
    if ["UploadPartCopy", "ListParts", "CompleteMultipartUpload"].contains(&operation) {
        codes.push("NoSuchUpload");
    }
    let code = rng.pick(&codes);
    let may_be_inside_200 =
        (publishes || operation == "UploadPartCopy") && ["SlowDown", "InternalError"].contains(&code);
    if may_be_inside_200 && rng.percent(50) { Effect::error_inside_200(code) } else { Effect::error(code) }
}

/// A byte of a copy differs from its source.
fn flipped_byte(rng: &mut Rng) -> (Target, Effect) {
    let (function, operation) = rng.pick(COPIES);
    let offset = rng.pick(&[0, 500, 5 << 20]);
    (Target::operation(Service::S3, operation).function(function), Effect::Flip { offset })
}

/// An invocation fails.
fn failing_invocation(rng: &mut Rng) -> (Target, Effect) {
    let target = Target::operation(Service::Lambda, "Invoke").function(rng.pick(FUNCTIONS));
    let effect = match rng.below(4) {
        0 | 1 => Effect::Kill(rng.pick(&[Life::Before, Life::During, Life::After])),
        2 => Effect::error(rng.pick(&[
            "TooManyRequestsException",
            "ClientExecutionTimeoutException",
            "ServiceException",
            "AWSLambdaException",
        ])),
        _ => Effect::FunctionError {
            error_type: rng.pick(&["Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError"]).to_owned(),
            error_message: "A fault of the schedule.".to_owned(),
            at: moment(rng),
        },
    };
    (target, effect)
}

/// An event is delivered several times, late, or after newer ones.
fn irregular_delivery(rng: &mut Rng) -> (Target, Effect) {
    let effect = match rng.below(3) {
        0 => Effect::Repeat { copies: u32::try_from(rng.between(1, 3)).unwrap_or(1) },
        1 => Effect::Delay { millis: rng.pick(&[5, 300, 20_000, 900_000]) },
        _ => Effect::Reorder { after: rng.between(1, 3) },
    };
    (Target::operation(Service::Events, "Deliver"), effect)
}

fn moment(rng: &mut Rng) -> Moment {
    rng.pick(&[Moment::Before, Moment::After])
}

/// The calls that the rule changes: a few, so that a retry succeeds; many, so that the execution fails; or all, until
/// the rule is removed.
fn when(rng: &mut Rng, effect: &Effect) -> When {
    let skip = if rng.percent(60) { 0 } else { rng.between(1, 6) };
    let times = match rng.weighted(&[(4, 0), (2, 1), (1, 2), (1, 3)]) {
        0 => Some(rng.between(1, 3)),
        1 => Some(rng.between(4, 9)),
        2 => Some(rng.between(10, 40)),
        _ => None,
    };
    // The delays add up: three of twenty minutes are an hour for every attempt.
    let times = if matches!(effect, Effect::Latency { .. }) { Some(times.unwrap_or(3).min(3)) } else { times };
    let probability = rng.percent(25).then(|| rng.pick(&[0.2, 0.4, 0.7]));
    let seed = if probability.is_some() { rng.below(1_000) } else { 0 };
    When { skip, times, probability, seed }
}

/// The kind of an effect, for the counts.
pub(super) fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Error(_) => "error responses",
        Effect::Latency { .. } => "slow calls",
        Effect::Drop(Moment::Before) => "connections dropped before the effect",
        Effect::Drop(Moment::After) => "connections dropped after the effect",
        Effect::Flip { .. } => "bytes flipped",
        Effect::Kill(Life::Before) => "functions killed before their work",
        Effect::Kill(Life::During) => "functions killed during their work",
        Effect::Kill(Life::After) => "functions killed after their work",
        Effect::FunctionError { .. } => "errors of functions",
        Effect::Repeat { .. } => "events repeated",
        Effect::Delay { .. } => "events delayed",
        Effect::Reorder { .. } => "events reordered",
    }
}
