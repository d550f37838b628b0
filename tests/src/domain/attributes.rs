//! Compares attributes without the product's own comparison.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_core::attributes::Attributes;
use serde_json::Value;

/// The names of the attributes that differ, as receipts write them, for example `contentType` or `tags.team`.
pub(super) fn differing_names(expected: &Attributes, found: &Attributes) -> BTreeSet<String> {
    let (expected, found) = (by_name(expected), by_name(found));
    let names = expected.keys().chain(found.keys());
    names.filter(|name| expected.get(*name) != found.get(*name)).cloned().collect()
}

/// Every attribute by its name. An absent storage class is `STANDARD`, as in S3's responses.
fn by_name(attributes: &Attributes) -> BTreeMap<String, Value> {
    let mut by_name = BTreeMap::from([("storageClass".to_owned(), Value::from("STANDARD"))]);
    let json = serde_json::to_value(attributes).unwrap_or_default();
    for (name, value) in json.as_object().into_iter().flatten() {
        match value {
            Value::Object(members) => {
                by_name.extend(members.iter().map(|(member, value)| (format!("{name}.{member}"), value.clone())));
            }
            value => {
                by_name.insert(name.clone(), value.clone());
            }
        }
    }
    by_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_names_are_those_of_receipts() {
        let pair = |name: &str| BTreeMap::from([(name.to_owned(), "value".to_owned())]);
        let source = Attributes { metadata: pair("owner"), tags: pair("team"), ..Attributes::default() };
        let copy = Attributes { content_type: Some("text/html".to_owned()), ..source.clone() };

        let names = differing_names(&source, &Attributes { metadata: BTreeMap::new(), ..copy });

        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["contentType", "metadata.owner"]);
        let standard = Attributes { storage_class: Some("STANDARD".to_owned()), ..source.clone() };
        assert!(differing_names(&source, &standard).is_empty());
    }
}
