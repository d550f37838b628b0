//! The attributes of an object: headers, metadata, tags and storage class. A copy has to have all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{bounds::shown, event::InvalidInput};

/// The attributes of an object that a backup keeps. Names and values are those of S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attributes {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Expires`, as the text of the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-website-redirect-location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_redirect_location: Option<String>,
    /// User metadata without the prefix `x-amz-meta-`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Object tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Storage class; absent means STANDARD, as in S3's responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// An attribute of a copy that differs from the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The name of the attribute, for example `contentType`, `metadata.owner` or `tags.team`.
    pub name: String,
    /// The planned value; absent if the copy should not have the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The copy's value; absent if the copy lacks the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Whether the copy was repaired.
    #[serde(default)]
    pub repaired: bool,
}

impl Attributes {
    /// Every attribute of `found` that differs from `self`, in the order of the names.
    pub fn differences(&self, found: &Self) -> Vec<Difference> {
        let (expected, found) = (self.flat(), found.flat());
        let names = expected.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>();
        names
            .into_iter()
            .filter(|name| expected.get(*name) != found.get(*name))
            .map(|name| Difference {
                name: name.clone(),
                expected: expected.get(name).cloned(),
                found: found.get(name).cloned(),
                repaired: false,
            })
            .collect()
    }

    /// Checks that all values are valid in HTTP headers: a line break would start another header.
    pub(crate) fn check(&self, path: &str) -> Result<(), InvalidInput> {
        let wrong = |name: &str, problem: &str| {
            Err(InvalidInput { path: format!("{path}.{name}"), problem: problem.to_owned() })
        };
        let broken = |text: &str| text.chars().any(|character| character.is_control() && character != '\t');
        for (name, value) in self.headers() {
            if value.is_some_and(broken) {
                return wrong(name, "a header's value has no control characters");
            }
        }
        let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        for (name, value) in &self.metadata {
            if name.is_empty() || !name.bytes().all(in_names) {
                return wrong("metadata", &format!("{} cannot be the name of a header", shown(name)));
            }
            if broken(value) {
                return wrong(&format!("metadata.{name}"), "a header's value has no control characters");
            }
        }
        Ok(())
    }

    fn headers(&self) -> [(&'static str, Option<&str>); 8] {
        [
            ("contentType", self.content_type.as_deref()),
            ("cacheControl", self.cache_control.as_deref()),
            ("contentDisposition", self.content_disposition.as_deref()),
            ("contentEncoding", self.content_encoding.as_deref()),
            ("contentLanguage", self.content_language.as_deref()),
            ("expires", self.expires.as_deref()),
            ("websiteRedirectLocation", self.website_redirect_location.as_deref()),
            ("storageClass", Some(self.storage_class.as_deref().unwrap_or("STANDARD"))),
        ]
    }

    fn flat(&self) -> BTreeMap<String, String> {
        let headers = self.headers().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let metadata = self.metadata.iter().map(|(name, value)| (format!("metadata.{name}"), value.clone()));
        let tags = self.tags.iter().map(|(name, value)| (format!("tags.{name}"), value.clone()));
        headers.chain(metadata).chain(tags).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> BTreeMap<String, String> {
        [(key.to_owned(), value.to_owned())].into()
    }

    #[test]
    fn every_difference_is_named_once_and_equal_attributes_have_none() {
        let source = Attributes {
            content_type: Some("text/plain".to_owned()),
            metadata: pair("owner", "ann"),
            tags: pair("team", "blue"),
            ..Attributes::default()
        };
        let copy = Attributes {
            content_type: Some("text/html".to_owned()),
            metadata: pair("owner", "ann"),
            storage_class: Some("GLACIER_IR".to_owned()),
            ..Attributes::default()
        };
        let names: Vec<_> = source.differences(&copy).into_iter().map(|difference| difference.name).collect();
        assert_eq!(names, ["contentType", "storageClass", "tags.team"]);
        assert_eq!(source.differences(&source), []);
    }

    #[test]
    fn an_absent_storage_class_is_standard() {
        let standard = Attributes { storage_class: Some("STANDARD".to_owned()), ..Attributes::default() };
        assert_eq!(Attributes::default().differences(&standard), []);
    }
}
