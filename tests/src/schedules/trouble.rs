//! Random fault rules: what may go wrong between the functions and AWS, and on the way of an event.
//!
//! Only what can be true is said. S3 is strongly consistent, so a rule never says that an existing object is gone,
//! or that a source has changed that has not: versions are deleted and replaced by steps of their own. A condition may
//! be said to have failed, and an upload to be gone: a new plan settles these whether or not they are true.

use sandbox::faults::{Effect, Life, Moment, Rule, Service, Target, When};

use super::dice::Dice;

/// The calls that each function makes.
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

/// A rule.
pub(super) fn rule(dice: &mut Dice) -> Rule {
    let (target, effect) = match dice.weighted(&[(6, 0), (4, 1), (3, 2), (4, 3), (1, 4), (1, 5), (5, 6)]) {
        0 => refused(dice),
        1 => on_a_call(dice, |dice| Effect::Drop(moment(dice))),
        2 => on_a_call(dice, |dice| Effect::Kill(dice.pick(&[Life::Before, Life::After]))),
        3 => invoked(dice),
        4 => on_a_call(dice, |dice| Effect::Latency { millis: dice.pick(&[500, 30_000, 300_000, 1_200_000]) }),
        5 => copied_wrongly(dice),
        _ => delivered(dice),
    };
    let when = when(dice, &effect);
    Rule { target, when, effect }
}

fn on_a_call(dice: &mut Dice, effect: impl Fn(&mut Dice) -> Effect) -> (Target, Effect) {
    let (function, service, operation) = dice.pick(CALLS);
    (Target::operation(service, operation).function(function), effect(dice))
}

/// A service answers an error.
fn refused(dice: &mut Dice) -> (Target, Effect) {
    let (function, service, operation) = dice.pick(CALLS);
    let target = Target::operation(service, operation).function(function);
    let effect = match service {
        Service::S3 => by_s3(dice, operation),
        Service::Sns => Effect::error(dice.pick(&["Throttled", "InternalFailure", "AuthorizationError", "NotFound"])),
        _ => Effect::error(dice.pick(&["ThrottlingException", "InternalFailure", "AccessDeniedException"])),
    };
    (target, effect)
}

fn by_s3(dice: &mut Dice, operation: &str) -> Effect {
    let mut codes = vec!["SlowDown", "SlowDown", "InternalError", "ServiceUnavailable", "AccessDenied"];
    let publishes = ["CopyObject", "CompleteMultipartUpload"].contains(&operation);
    if publishes {
        codes.extend(["PreconditionFailed", "ConditionalRequestConflict"]);
    }
    if ["UploadPartCopy", "ListParts", "CompleteMultipartUpload"].contains(&operation) {
        codes.push("NoSuchUpload");
    }
    let code = dice.pick(&codes);
    let may_be_inside_200 =
        (publishes || operation == "UploadPartCopy") && ["SlowDown", "InternalError"].contains(&code);
    if may_be_inside_200 && dice.percent(50) { Effect::error_inside_200(code) } else { Effect::error(code) }
}

/// A copy has another byte than its source.
fn copied_wrongly(dice: &mut Dice) -> (Target, Effect) {
    let (function, operation) = dice.pick(COPIES);
    let offset = dice.pick(&[0, 500, 5 << 20]);
    (Target::operation(Service::S3, operation).function(function), Effect::Flip { offset })
}

/// An invocation goes wrong.
fn invoked(dice: &mut Dice) -> (Target, Effect) {
    let target = Target::operation(Service::Lambda, "Invoke").function(dice.pick(FUNCTIONS));
    let effect = match dice.below(4) {
        0 | 1 => Effect::Kill(dice.pick(&[Life::Before, Life::During, Life::After])),
        2 => Effect::error(dice.pick(&["TooManyRequestsException", "ServiceException", "AWSLambdaException"])),
        _ => Effect::FunctionError {
            error_type: dice.pick(&["Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError"]).to_owned(),
            error_message: "A fault of the schedule.".to_owned(),
            at: moment(dice),
        },
    };
    (target, effect)
}

/// An event arrives more than once, late, or after later ones.
fn delivered(dice: &mut Dice) -> (Target, Effect) {
    let effect = match dice.below(3) {
        0 => Effect::Repeat { copies: u32::try_from(dice.between(1, 3)).unwrap_or(1) },
        1 => Effect::Delay { millis: dice.pick(&[5, 300, 20_000, 900_000]) },
        _ => Effect::Reorder { after: dice.between(1, 3) },
    };
    (Target::operation(Service::Events, "Deliver"), effect)
}

fn moment(dice: &mut Dice) -> Moment {
    dice.pick(&[Moment::Before, Moment::After])
}

/// Which calls it strikes: a few, so that a retry wins; many, so that the execution fails; all, until it is lifted.
fn when(dice: &mut Dice, effect: &Effect) -> When {
    let skip = if dice.percent(60) { 0 } else { dice.between(1, 6) };
    let times = match dice.weighted(&[(4, 0), (2, 1), (1, 2), (1, 3)]) {
        0 => Some(dice.between(1, 3)),
        1 => Some(dice.between(4, 9)),
        2 => Some(dice.between(10, 40)),
        _ => None,
    };
    // Slow calls add up: three of twenty minutes are an hour for every try.
    let times = if matches!(effect, Effect::Latency { .. }) { Some(times.unwrap_or(3).min(3)) } else { times };
    let probability = dice.percent(25).then(|| dice.pick(&[0.2, 0.4, 0.7]));
    let seed = if probability.is_some() { dice.below(1_000) } else { 0 };
    When { skip, times, probability, seed }
}

/// What kind of fault an effect is, for the counts.
pub(super) fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Error(_) => "errors answered",
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
