//! Compares what a copy carries besides its bytes, and mends its tags.

use aws_sdk_s3::Client;
use holdfast_core::{
    Failure,
    attributes::{Attributes, Difference},
    contract::{Method, TagComparison, Transfer},
};
use holdfast_s3::{self as s3, Head, ObjectRef};

/// How tags were compared, and every attribute that was not as planned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) tags: TagComparison,
    pub(crate) differences: Vec<Difference>,
}

/// Compares the copy's attributes with the planned ones. Tags that are not as planned are put.
pub(crate) async fn compare(
    client: &Client,
    transfer: &Transfer,
    copy: ObjectRef<'_>,
    head: &Head,
) -> Result<Compared, Failure> {
    let expected = &transfer.attributes;
    let tags = tag_comparison(transfer.method, expected.tags.len(), head.tag_count);
    let found = match tags {
        TagComparison::Count => expected.tags.clone(),
        TagComparison::Values => s3::read_tags(client, copy).await?,
    };
    let to_mend = found != expected.tags;
    if to_mend {
        s3::put_tags(client, copy, &expected.tags).await?;
        tracing::warn!(%copy, "tags were not as planned and have been put");
    }
    let found = Attributes { tags: found, ..head.attributes.clone() };
    Ok(Compared { tags, differences: differences(expected, &found, to_mend) })
}

/// Whether counting the tags is enough: one CopyObject sets all tags that it is given or fails, so the right number are
/// the right ones. A store that answers no number has none, or does not count.
fn tag_comparison(method: Method, expected: usize, counted: Option<u64>) -> TagComparison {
    let counted = counted.unwrap_or_default();
    if method == Method::CopyObject && u64::try_from(expected) == Ok(counted) {
        TagComparison::Count
    } else {
        TagComparison::Values
    }
}

fn differences(expected: &Attributes, found: &Attributes, mended: bool) -> Vec<Difference> {
    let differences = expected.differences(found).into_iter();
    differences
        .map(|difference| Difference { mended: mended && difference.name.starts_with("tags."), ..difference })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_unless_one_copy_set_them_and_their_number_is_right() {
        use TagComparison::{Count, Values};
        for (method, expected, counted, comparison) in [
            (Method::CopyObject, 0, None, Count),
            (Method::CopyObject, 0, Some(0), Count),
            (Method::CopyObject, 2, Some(2), Count),
            (Method::CopyObject, 2, Some(1), Values),
            (Method::CopyObject, 2, None, Values),
            (Method::CopyObject, 0, Some(1), Values),
            (Method::Multipart, 2, Some(2), Values),
        ] {
            assert_eq!(tag_comparison(method, expected, counted), comparison, "{method:?} {expected} {counted:?}");
        }
    }

    #[test]
    fn only_tags_are_mended() {
        let tags = [("team".to_owned(), "blue".to_owned())].into();
        let expected = Attributes { content_type: Some("text/plain".to_owned()), tags, ..Attributes::default() };
        let differences = differences(&expected, &Attributes::default(), true);
        let mended: Vec<_> = differences.iter().map(|found| (found.name.as_str(), found.mended)).collect();
        assert_eq!(mended, [("contentType", false), ("tags.team", true)]);
    }
}
