//! The versions of a key beneath its current one: looking for a copy that newer ones have covered, and removing one that
//! is not what it should be.

use aws_sdk_s3::Client;
use holdfast_core::{Failure, contract::Destination, names::VersionId};

use super::{Head, ObjectRef, head};

/// How many versions the first page has. What is looked for was mostly published while an execution ran, so that only
/// uploads of the same minutes lie on top of it.
const FIRST_PAGE: i32 = 50;
/// How many the others have, which is S3's limit
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>).
const PAGE: i32 = 1000;
/// How many pages are listed, some two seconds long: 9,050 versions, delete markers among them.
const PAGES: u32 = 10;
/// How many versions are looked at one by one, some ten seconds long.
const LOOKED_AT: usize = 500;

/// A version as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id; `null` where it was written without versioning.
    pub version_id: VersionId,
    /// Bytes.
    pub size: u64,
}

/// The next versions of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// These, without delete markers.
    Versions(Vec<Listed>),
    /// There are no more.
    End,
    /// There are more, but too many were listed.
    CutShort,
}

/// The versions of a key, newest first and page by page.
#[derive(Debug)]
pub struct Versions<'a> {
    client: &'a Client,
    key: ObjectRef<'a>,
    pages: u32,
    next: Next,
}

/// Where the listing goes on.
#[derive(Debug)]
enum Next {
    Start,
    After(Option<String>),
    End,
}

impl<'a> Versions<'a> {
    /// Those of this key.
    pub fn of(client: &'a Client, key: ObjectRef<'a>) -> Self {
        Self { client, key: ObjectRef { version_id: None, ..key }, pages: 0, next: Next::Start }
    }

    /// The next page.
    pub async fn next_page(&mut self) -> Result<Page, Failure> {
        let ObjectRef { bucket, key, .. } = self.key;
        let request = self.client.list_object_versions().bucket(bucket.as_str()).prefix(key.as_str());
        let request = match &self.next {
            Next::End => return Ok(Page::End),
            _ if self.pages == PAGES => return Ok(Page::CutShort),
            Next::Start => request.max_keys(FIRST_PAGE),
            Next::After(version) => {
                request.max_keys(PAGE).key_marker(key.as_str()).set_version_id_marker(version.clone())
            }
        };
        let call = self.key.call("ListObjectVersions", "s3:ListBucketVersions");
        let page = request.send().await.map_err(|error| call.s3_failure(error))?;
        self.pages += 1;
        // Keys are listed in their order, so that the key itself comes before those that it is a prefix of.
        let goes_on = page.is_truncated() == Some(true) && page.next_key_marker() == Some(key.as_str());
        self.next = if goes_on { Next::After(page.next_version_id_marker().map(str::to_owned)) } else { Next::End };
        let versions = page.versions().iter().filter(|version| version.key() == Some(key.as_str()));
        let versions = versions.filter_map(|version| {
            let version_id = VersionId::new(version.version_id()?).ok()?;
            Some(Listed { version_id, size: u64::try_from(version.size()?).ok()? })
        });
        Ok(Page::Versions(versions.collect()))
    }
}

/// What a copy has that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// Its bytes.
    pub size: u64,
    /// The version beneath which it cannot lie, where one is known: what stood when it was planned.
    pub not_beneath: Option<&'a VersionId>,
}

/// What came of looking for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// It stands.
    Found(Box<Head>),
    /// It does not.
    NotThere,
    /// It may stand beneath more versions than are looked through.
    CutShort,
}

impl Search {
    /// The copy, if it was found. A search that was cut short is logged: its caller copies anew, which harms nothing.
    pub fn found(self, destination: &Destination) -> Option<Head> {
        match self {
            Self::Found(head) => Some(*head),
            Self::NotThere => None,
            Self::CutShort => {
                let key = ObjectRef::current(destination);
                tracing::warn!(%key, "too many versions lie on top for a copy to be looked for beneath them");
                None
            }
        }
    }
}

/// Looks for a copy at a key, also beneath newer versions. `current` is what HeadObject answered for the key.
pub async fn standing_copy(
    client: &Client,
    destination: &Destination,
    sought: Sought<'_>,
    current: Option<&Head>,
    is_it: impl Fn(&Head) -> bool,
) -> Result<Search, Failure> {
    if let Some(current) = current.filter(|head| is_it(head)) {
        return Ok(Search::Found(Box::new(current.clone())));
    }
    // Without versions there is nothing beneath.
    let Some(on_top) = current.and_then(|head| head.version_id.as_ref()) else { return Ok(Search::NotThere) };
    let mut versions = Versions::of(client, ObjectRef::current(destination));
    let mut looked_at = 0;
    loop {
        let page = match versions.next_page().await? {
            Page::Versions(page) => page,
            Page::End => return Ok(Search::NotThere),
            Page::CutShort => return Ok(Search::CutShort),
        };
        for version in page {
            if version.size == sought.size && version.version_id != *on_top {
                if looked_at == LOOKED_AT {
                    return Ok(Search::CutShort);
                }
                looked_at += 1;
                let object = ObjectRef { version_id: Some(&version.version_id), ..ObjectRef::current(destination) };
                if let Some(head) = head(client, object).await?.filter(|head| is_it(head)) {
                    return Ok(Search::Found(Box::new(head)));
                }
            }
            if Some(&version.version_id) == sought.not_beneath {
                return Ok(Search::NotThere);
            }
        }
    }
}

/// The newest version of a key that was deleted: the one beneath the delete markers.
pub async fn newest_of_deleted(client: &Client, key: ObjectRef<'_>) -> Result<Option<VersionId>, Failure> {
    let mut versions = Versions::of(client, key);
    loop {
        match versions.next_page().await? {
            Page::Versions(page) if page.is_empty() => {}
            Page::Versions(page) => return Ok(page.into_iter().next().map(|version| version.version_id)),
            Page::End => return Ok(None),
            Page::CutShort => {
                tracing::warn!(%key, "too many delete markers lie on top for its newest version to be found");
                return Ok(None);
            }
        }
    }
}

/// Removes one version for good. One that is gone already is no error: S3 answers the same.
pub async fn remove_version(client: &Client, destination: &Destination, version_id: &VersionId) -> Result<(), Failure> {
    let request = client
        .delete_object()
        .bucket(destination.bucket.as_str())
        .key(destination.key.as_str())
        .version_id(version_id.as_str());
    let object = ObjectRef { version_id: Some(version_id), ..ObjectRef::current(destination) };
    let call = object.call("DeleteObject", "s3:DeleteObjectVersion");
    request.send().await.map(drop).map_err(|error| call.s3_failure(error))
}
