//! The versions of a key: lists them, finds a copy below newer ones, finds the newest one, removes one.

use aws_sdk_s3::Client;
use holdfast_core::{contract::Destination, names::VersionId, order::Recency};

use super::{Head, ObjectRef, S3Error, head};

/// The size of the first page. The copy was usually published a few minutes before the search, so few versions are
/// above it.
const FIRST_PAGE_SIZE: i32 = 50;
/// The size of the other pages, which is the limit of S3
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>).
const PAGE_SIZE: i32 = 1000;
/// The most pages that are listed: 9,050 versions and delete markers, in about two seconds.
const MAX_PAGES: u32 = 10;
/// The most versions that a search describes one by one, in about ten seconds.
const MAX_HEADS: usize = 500;

/// A version in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// The version ID; `null` if the version was written without versioning.
    pub version_id: VersionId,
    /// The size in bytes.
    pub size: u64,
}

/// The next versions of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Some versions, without delete markers.
    Versions(Vec<ListedVersion>),
    /// The listing has ended.
    End,
    /// The limit of pages is reached before the end.
    LimitReached,
}

/// The versions of a key, newest first and page by page.
#[derive(Debug)]
pub struct Versions<'a> {
    client: &'a Client,
    key: ObjectRef<'a>,
    pages: u32,
    next: Next,
}

/// The position at which the listing continues.
#[derive(Debug)]
enum Next {
    Start,
    After(Option<String>),
    End,
}

impl<'a> Versions<'a> {
    /// The versions of this key.
    pub fn of(client: &'a Client, key: ObjectRef<'a>) -> Self {
        Self { client, key: ObjectRef { version_id: None, ..key }, pages: 0, next: Next::Start }
    }

    /// The next page.
    pub async fn next_page(&mut self) -> Result<Page, S3Error> {
        let ObjectRef { bucket, key, .. } = self.key;
        let request = self.client.list_object_versions().bucket(bucket.as_str()).prefix(key.as_str());
        let request = match &self.next {
            Next::End => return Ok(Page::End),
            _ if self.pages == MAX_PAGES => return Ok(Page::LimitReached),
            Next::Start => request.max_keys(FIRST_PAGE_SIZE),
            Next::After(version) => {
                request.max_keys(PAGE_SIZE).key_marker(key.as_str()).set_version_id_marker(version.clone())
            }
        };
        let call = self.key.call("ListObjectVersions", "s3:ListBucketVersions");
        let page = request.send().await.map_err(|error| call.s3_failure(error))?;
        self.pages += 1;
        // Keys are listed in order, so a key comes before other keys that begin with it.
        let has_more = page.is_truncated() == Some(true) && page.next_key_marker() == Some(key.as_str());
        self.next = if has_more { Next::After(page.next_version_id_marker().map(str::to_owned)) } else { Next::End };
        let versions = page.versions().iter().filter(|version| version.key() == Some(key.as_str()));
        let versions = versions.filter_map(|version| {
            let version_id = VersionId::new(version.version_id()?).ok()?;
            Some(ListedVersion { version_id, size: u64::try_from(version.size()?).ok()? })
        });
        Ok(Page::Versions(versions.collect()))
    }
}

/// The known properties of a copy to search for.
#[derive(Debug, Clone, Copy)]
pub struct SearchCriteria<'a> {
    /// The size in bytes.
    pub size: u64,
    /// A version that the copy is above: the current one when the copy was planned.
    pub not_below: Option<&'a VersionId>,
}

/// The result of a search for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchResult {
    /// The copy exists.
    Found(Box<Head>),
    /// The copy does not exist.
    NotFound,
    /// The search reached its limit. The copy may exist below more versions.
    LimitReached,
}

impl SearchResult {
    /// The copy, if it was found. A search that reached its limit is logged. The caller then copies again, which is
    /// safe.
    pub fn found(self, destination: &Destination) -> Option<Head> {
        match self {
            Self::Found(head) => Some(*head),
            Self::NotFound => None,
            Self::LimitReached => {
                let key = ObjectRef::current(destination);
                tracing::warn!(%key, "the search for the copy reached its limit; the object is copied again");
                None
            }
        }
    }
}

/// Searches for a copy among the versions of a key, also below newer ones. `current` is the current version of the key.
pub async fn find_copy(
    client: &Client,
    destination: &Destination,
    criteria: SearchCriteria<'_>,
    current: Option<&Head>,
    is_copy: impl Fn(&Head) -> bool,
) -> Result<SearchResult, S3Error> {
    if let Some(current) = current.filter(|head| is_copy(head)) {
        return Ok(SearchResult::Found(Box::new(current.clone())));
    }
    // A bucket without versions has no version below the current one.
    let Some(current_version) = current.and_then(|head| head.version_id.as_ref()) else {
        return Ok(SearchResult::NotFound);
    };
    let mut versions = Versions::of(client, ObjectRef::current(destination));
    let mut heads = 0;
    loop {
        let page = match versions.next_page().await? {
            Page::Versions(page) => page,
            Page::End => return Ok(SearchResult::NotFound),
            Page::LimitReached => return Ok(SearchResult::LimitReached),
        };
        for version in page {
            if version.size == criteria.size && version.version_id != *current_version {
                if heads == MAX_HEADS {
                    return Ok(SearchResult::LimitReached);
                }
                heads += 1;
                let object = ObjectRef { version_id: Some(&version.version_id), ..ObjectRef::current(destination) };
                if let Some(head) = head(client, object).await?.filter(|head| is_copy(head)) {
                    return Ok(SearchResult::Found(Box::new(head)));
                }
            }
            if Some(&version.version_id) == criteria.not_below {
                return Ok(SearchResult::NotFound);
            }
        }
    }
}

/// Whether a version is the newest one of its key. Delete markers do not count.
pub async fn recency(client: &Client, version: ObjectRef<'_>) -> Result<Recency, S3Error> {
    let Some(pinned) = version.version_id.filter(|version| version.as_str() != "null") else {
        return Ok(Recency::Unversioned);
    };
    let key = ObjectRef { version_id: None, ..version };
    let newest = match head(client, key).await? {
        Some(current) => current.version_id,
        None => newest_of_deleted(client, key).await?,
    };
    Ok(if newest.as_ref() == Some(pinned) { Recency::Newest } else { Recency::Superseded })
}

/// The newest version of a deleted key: the first one below the delete markers.
async fn newest_of_deleted(client: &Client, key: ObjectRef<'_>) -> Result<Option<VersionId>, S3Error> {
    let mut versions = Versions::of(client, key);
    loop {
        match versions.next_page().await? {
            Page::Versions(page) if page.is_empty() => {}
            Page::Versions(page) => return Ok(page.into_iter().next().map(|version| version.version_id)),
            Page::End => return Ok(None),
            Page::LimitReached => {
                tracing::warn!(%key, "the search for the newest version reached its limit of delete markers");
                return Ok(None);
            }
        }
    }
}

/// Deletes one version permanently. A missing version is not an error for S3.
pub async fn remove_version(client: &Client, destination: &Destination, version_id: &VersionId) -> Result<(), S3Error> {
    let request = client
        .delete_object()
        .bucket(destination.bucket.as_str())
        .key(destination.key.as_str())
        .version_id(version_id.as_str());
    let object = ObjectRef { version_id: Some(version_id), ..ObjectRef::current(destination) };
    let call = object.call("DeleteObject", "s3:DeleteObjectVersion");
    request.send().await.map(drop).map_err(|error| call.s3_failure(error))
}
