//! A failed execution in one sentence.

use holdfast_core::history::Failure;

/// For example `in CopySlice (iteration 3 of CopyParts): Source.Denied: grant s3:GetObject`.
pub(crate) fn sentence(failure: &Failure) -> String {
    let mut text = String::new();
    if let Some(state) = &failure.state {
        text = format!("in {state}");
        if let Some(iteration) = &failure.iteration {
            text = format!("{text} (iteration {} of {})", iteration.index, iteration.map);
        }
        text.push_str(": ");
    }
    let error = failure.error.as_deref().unwrap_or("the execution was stopped");
    let cause = failure.cause.as_deref().unwrap_or("it has no cause");
    format!("{text}{error}: {cause}")
}

#[cfg(test)]
mod tests {
    use holdfast_core::history::Iteration;

    use super::*;

    #[test]
    fn a_failure_names_the_known_facts() {
        let failure = Failure {
            state: Some("CopySlice".to_owned()),
            iteration: Some(Iteration { map: "CopyParts".to_owned(), index: 3 }),
            error: Some("Source.Denied".to_owned()),
            cause: Some("grant s3:GetObject".to_owned()),
        };
        assert_eq!(sentence(&failure), "in CopySlice (iteration 3 of CopyParts): Source.Denied: grant s3:GetObject");
        let stopped = Failure { state: Some("CopyObject".to_owned()), ..Failure::default() };
        assert_eq!(sentence(&stopped), "in CopyObject: the execution was stopped: it has no cause");
    }
}
