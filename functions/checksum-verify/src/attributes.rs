//! Compares the attributes of a copy with the planned ones, and repairs its tags.

use aws_sdk_s3::Client;
use holdfast_core::{
    attributes::{Attributes, Difference},
    contract::{Copy, Method, TagComparison},
    order::STAMP_NAME,
};
use holdfast_s3::{self as s3, Head, ObjectRef, S3Error};

/// How tags were compared, and every attribute that was not as planned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) tags: TagComparison,
    pub(crate) differences: Vec<Difference>,
}

/// Compares the copy's attributes with the planned ones. Tags that differ are set again. Metadata that had no room
/// beside the stamp is a difference too.
pub(crate) async fn compare(
    client: &Client,
    copy: &Copy,
    published: ObjectRef<'_>,
    head: &Head,
) -> Result<Compared, S3Error> {
    let expected = &copy.attributes;
    let tags = tag_comparison(copy.method, expected.tags.len(), head.tag_count);
    let found = match tags {
        TagComparison::Count => expected.tags.clone(),
        TagComparison::Values => s3::read_tags(client, published).await?,
    };
    let repair = found != expected.tags;
    if repair {
        s3::put_tags(client, published, &expected.tags).await?;
        tracing::warn!(copy = %published, "the tags were not as planned and have been set");
    }
    let found = Attributes { tags: found, ..head.attributes.clone() };
    Ok(Compared { tags, differences: differences(copy, &found, repair) })
}

/// Counting is enough for CopyObject: it sets all tags or fails, so the right number of tags are the right tags. S3
/// omits the number if there are none.
fn tag_comparison(method: Method, expected: usize, counted: Option<u64>) -> TagComparison {
    let counted = counted.unwrap_or_default();
    if method == Method::CopyObject && u64::try_from(expected) == Ok(counted) {
        TagComparison::Count
    } else {
        TagComparison::Values
    }
}

fn differences(copy: &Copy, found: &Attributes, repaired: bool) -> Vec<Difference> {
    let is_repaired = |name: &str| repaired && name.starts_with("tags.");
    // A request may find a copy whose stamp has a sequencer, which the request does not have.
    let without_stamp = |attributes: &Attributes| {
        let mut attributes = attributes.clone();
        attributes.metadata.remove(STAMP_NAME);
        attributes
    };
    let compared = without_stamp(&copy.attributes).differences(&without_stamp(found)).into_iter();
    let compared = compared.map(|difference| Difference { repaired: is_repaired(&difference.name), ..difference });
    let displaced = copy.displaced_metadata.iter().map(|(name, value)| Difference {
        name: format!("metadata.{name}"),
        expected: Some(value.clone()),
        found: None,
        repaired: false,
    });
    compared.chain(displaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_unless_one_request_set_the_right_number() {
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
    fn only_tags_are_repaired_and_displaced_metadata_is_a_difference() {
        let mut copy = holdfast_s3::testing::single(3).copy;
        copy.attributes.metadata.clear();
        copy.displaced_metadata = [("large".to_owned(), "value".to_owned())].into();

        let differences = differences(&copy, &Attributes::default(), true);

        let repaired: Vec<_> = differences.iter().map(|found| (found.name.as_str(), found.repaired)).collect();
        assert_eq!(repaired, [("contentType", false), ("tags.team", true), ("metadata.large", false)]);
    }
}
