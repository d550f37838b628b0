//! The functions that Step Functions adds to `JSONata`, and `$eval`, which it removes. Source: Step Functions Developer
//! Guide, "Transforming data with `JSONata`", section "`JSONata` functions provided by Step Functions".

use jsonata_core::{
    evaluator::{Evaluator, EvaluatorError, HostFnResult},
    value::JValue,
};
use md5::Md5;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The maximum number of values that `$range` returns.
const RANGE: usize = 1_000;

/// Registers the functions.
pub(super) fn register(evaluator: &mut Evaluator) -> Result<(), EvaluatorError> {
    evaluator.register_fn("partition", partition)?;
    evaluator.register_fn("range", range)?;
    evaluator.register_fn("hash", hash)?;
    evaluator.register_fn("uuid", |_: &[JValue]| Ok(JValue::string(uuid::Uuid::new_v4().to_string())))?;
    evaluator.register_fn("parse", parse)?;
    evaluator.register_fn_override("random", random)?;
    evaluator.register_fn_override("eval", |_: &[JValue]| {
        Err(failed("$eval is not available in Step Functions; use $parse to read JSON text"))
    })
}

fn failed(message: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(message.into())
}

/// `$partition(array, size)`: the array in chunks of this size.
fn partition(arguments: &[JValue]) -> HostFnResult {
    let size = arguments.get(1).and_then(JValue::as_i64).and_then(|size| usize::try_from(size).ok());
    match (arguments.first().and_then(JValue::as_array), size) {
        (Some(items), Some(size)) if size > 0 => {
            Ok(JValue::array(items.chunks(size).map(|piece| JValue::array(piece.to_vec())).collect()))
        }
        _ => Err(failed("$partition takes an array and a size of at least 1")),
    }
}

/// `$range(first, last, step)`: the numbers from the first to at most the last.
fn range(arguments: &[JValue]) -> HostFnResult {
    let numbers: Vec<i64> = arguments.iter().filter_map(JValue::as_i64).collect();
    let &[first, last, step] = numbers.as_slice() else {
        return Err(failed("$range takes three whole numbers: the first, the last and the step"));
    };
    let Some(step_length) = usize::try_from(step.unsigned_abs()).ok().filter(|length| *length > 0) else {
        return Err(failed("$range needs a step that is not 0"));
    };
    let numbers: Vec<i64> = if step > 0 {
        (first..=last).step_by(step_length).take(RANGE + 1).collect()
    } else {
        (last..=first).rev().step_by(step_length).take(RANGE + 1).collect()
    };
    if numbers.len() > RANGE {
        return Err(failed(format!("$range answers at most {RANGE} values")));
    }
    Ok(JValue::array(numbers.into_iter().map(JValue::from_i64).collect()))
}

/// `$hash(text, algorithm)`: the digest in hexadecimal.
fn hash(arguments: &[JValue]) -> HostFnResult {
    let text = |index: usize| arguments.get(index).and_then(JValue::as_str);
    let (Some(content), Some(algorithm)) = (text(0), text(1)) else {
        return Err(failed("$hash takes a text and the name of an algorithm"));
    };
    let digest = match algorithm {
        "MD5" => hex::encode(Md5::digest(content)),
        "SHA-1" => hex::encode(Sha1::digest(content)),
        "SHA-256" => hex::encode(Sha256::digest(content)),
        "SHA-384" => hex::encode(Sha384::digest(content)),
        "SHA-512" => hex::encode(Sha512::digest(content)),
        other => {
            return Err(failed(format!("$hash knows MD5, SHA-1, SHA-256, SHA-384 and SHA-512, not '{other}'")));
        }
    };
    Ok(JValue::string(digest))
}

/// `$random()` or `$random(seed)`: a number from 0 to below 1.
fn random(arguments: &[JValue]) -> HostFnResult {
    let number = match arguments.first() {
        None => rand::rng().random::<f64>(),
        Some(seed) => match seed.as_f64() {
            Some(seed) => StdRng::seed_from_u64(seed.to_bits()).random::<f64>(),
            None => return Err(failed("$random takes no argument or a number as seed")),
        },
    };
    Ok(JValue::from_f64(number))
}

/// `$parse(text)`: the value of a JSON text.
fn parse(arguments: &[JValue]) -> HostFnResult {
    let Some(text) = arguments.first().and_then(JValue::as_str) else {
        return Err(failed("$parse takes JSON text"));
    };
    JValue::from_json_str(text).map_err(|error| failed(format!("$parse was given text that is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use crate::jsonata::{Environment, fill};

    #[track_caller]
    fn value(expression: &str) -> Result<Value, String> {
        let environment = Environment { states: json!({}), variables: Map::new() };
        fill(&json!(format!("{{% {expression} %}}")), "Output", &environment).map_err(|error| error.cause)
    }

    #[test]
    fn the_added_functions_return_documented_values() {
        assert_eq!(value("$partition([1,2,3,4,5], 2)"), Ok(json!([[1, 2], [3, 4], [5]])));
        assert_eq!(value("$range(1, 9, 2)"), Ok(json!([1, 3, 5, 7, 9])));
        assert_eq!(value("$range(3, 1, -1)"), Ok(json!([3, 2, 1])));
        assert_eq!(value("$hash('abc', 'MD5')"), Ok(json!("900150983cd24fb0d6963f7d28e17f72")));
        assert_eq!(value("$hash('abc', 'SHA-1')"), Ok(json!("a9993e364706816aba3e25717850c26c9cd0d89d")));
        assert_eq!(value("$parse('{\"a\":[1,null]}')"), Ok(json!({"a": [1, null]})));
        assert_eq!(value("$random(5) = $random(5)"), Ok(json!(true)));
        assert_eq!(value("$random() < 1"), Ok(json!(true)));
        assert_eq!(value("$length($uuid())"), Ok(json!(36)));
    }

    #[test]
    fn eval_is_unavailable_and_invalid_arguments_are_named() {
        assert!(value("$eval('1+1')").is_err_and(|cause| cause.contains("$eval is not available")));
        assert!(value("$hash('abc', 'CRC')").is_err_and(|cause| cause.contains("not 'CRC'")));
        assert!(value("$parse('{')").is_err_and(|cause| cause.contains("not JSON")));
        assert!(value("$range(1, 5000, 1)").is_err_and(|cause| cause.contains("at most 1000")));
        assert!(value("$partition([1], 0)").is_err_and(|cause| cause.contains("at least 1")));
    }
}
