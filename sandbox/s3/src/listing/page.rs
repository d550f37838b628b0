//! One page of a listing: by key (objects), by key and ID (versions, uploads), or by number (parts).

/// Where a listing resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// After this key.
    Key(String),
    /// After all keys with this common prefix.
    Prefix(String),
}

impl Mark {
    /// As a marker of the protocol.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }
}

/// The parameters of a listing.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) prefix: String,
    /// Empty for no delimiter.
    pub(crate) delimiter: String,
    pub(crate) limit: usize,
    pub(crate) after: Option<Mark>,
}

/// One page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) prefixes: Vec<String>,
    /// Where the next page resumes; `None` on the last page.
    pub(crate) next: Option<Mark>,
}

impl Query {
    /// Takes a marker that is a plain key.
    pub(crate) fn of(prefix: Option<&str>, delimiter: Option<&str>, limit: usize, marker: Option<&str>) -> Self {
        let (prefix, delimiter) = (prefix.unwrap_or_default().to_owned(), delimiter.unwrap_or_default().to_owned());
        let query = Self { prefix, delimiter, limit, after: None };
        let after = marker.map(|marker| query.mark_of_marker(marker));
        Self { after, ..query }
    }

    /// Takes a marker. If it is a common prefix of this listing, the page before ended with that prefix. Any other
    /// marker is a key, even if it ends with the delimiter as the key of a folder does.
    fn mark_of_marker(&self, marker: &str) -> Mark {
        if marker.starts_with(&self.prefix) && self.group(marker) == Some(marker) {
            Mark::Prefix(marker.to_owned())
        } else {
            Mark::Key(marker.to_owned())
        }
    }

    /// The start in a sorted map: the page contains no key before it.
    pub(crate) fn first(&self) -> &str {
        match &self.after {
            Some(Mark::Key(after) | Mark::Prefix(after)) if *after > self.prefix => after,
            _ => &self.prefix,
        }
    }

    /// Whether a key comes after the mark.
    pub(crate) fn is_new(&self, key: &str) -> bool {
        match &self.after {
            None => true,
            Some(Mark::Key(after)) => key > after.as_str(),
            Some(Mark::Prefix(after)) => key > after.as_str() && !key.starts_with(after.as_str()),
        }
    }

    /// Fills a page from items in the order of their keys, which begin at [`Query::first`] and are distinct.
    pub(crate) fn page<'a, T>(&self, items: impl Iterator<Item = (&'a str, T)>) -> Page<T> {
        let mut page = Page { entries: Vec::new(), prefixes: Vec::<String>::new(), next: None };
        let mut last = None;
        if self.limit == 0 {
            return page;
        }
        for (key, item) in items.take_while(|(key, _)| key.starts_with(&self.prefix)) {
            let group = self.group(key);
            if group.is_some() && group == page.prefixes.last().map(String::as_str) {
                continue;
            }
            if page.entries.len() + page.prefixes.len() == self.limit {
                page.next = last;
                return page;
            }
            if let Some(group) = group {
                page.prefixes.push(group.to_owned());
                last = Some(Mark::Prefix(group.to_owned()));
            } else {
                page.entries.push(item);
                last = Some(Mark::Key(key.to_owned()));
            }
        }
        page
    }

    /// The common prefix that groups a key.
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let at = key[self.prefix.len()..].find(&self.delimiter)?;
        Some(&key[..self.prefix.len() + at + self.delimiter.len()])
    }
}

/// The parameters of a listing in which a key may have several items, each with an ID.
#[derive(Debug)]
pub(crate) struct VersionQuery {
    pub(crate) query: Query,
    /// The key and the ID at the end of the page before: the page begins within the items of this key.
    resumed_key: Option<(String, String)>,
}

/// The markers of such a listing. An empty marker counts as absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Markers<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
}

impl VersionQuery {
    pub(crate) fn of(prefix: Option<&str>, delimiter: Option<&str>, limit: usize, markers: Markers<'_>) -> Self {
        let key = markers.key.filter(|marker| !marker.is_empty());
        let id = markers.id.filter(|marker| !marker.is_empty());
        let resumed_key = key.zip(id).map(|(key, id)| (key.to_owned(), id.to_owned()));
        let mut query = Query::of(prefix, delimiter, limit, key);
        if let Some((key, _)) = &resumed_key {
            query.after = Some(Mark::Key(key.clone()));
        }
        Self { query, resumed_key }
    }

    /// Fills a page from keys in order, which begin at [`Query::first`], with the items of each key in order. Also
    /// returns the ID after which the next page resumes, if it resumes within a key.
    pub(crate) fn page<'a, T>(
        &self,
        keys: impl Iterator<Item = (&'a str, Vec<(&'a str, T)>)>,
    ) -> (Page<T>, Option<String>) {
        let items = keys.flat_map(|(key, all)| {
            let skip = match &self.resumed_key {
                Some((resumed_key, id)) if resumed_key == key => {
                    all.iter().position(|(one, _)| one == id).map_or(all.len(), |at| at + 1)
                }
                _ if self.query.is_new(key) => 0,
                _ => all.len(),
            };
            all.into_iter().skip(skip).map(move |listed| (key, listed))
        });
        let Page { entries, prefixes, next } = self.query.page(items);
        let is_inside = matches!(next, Some(Mark::Key(_)));
        let id = entries.last().filter(|_| is_inside).map(|(id, _)| (*id).to_owned());
        (Page { entries: entries.into_iter().map(|(_, item)| item).collect(), prefixes, next }, id)
    }
}

/// One page of a listing by number, from items after the marker, and whether more items follow.
pub(crate) fn numbered<T>(mut items: impl Iterator<Item = T>, limit: usize) -> (Vec<T>, bool) {
    let page: Vec<T> = items.by_ref().take(limit).collect();
    let is_truncated = limit > 0 && items.next().is_some();
    (page, is_truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 7] = ["a", "b/1", "b/2", "b/c/3", "c", "d/4", "é"];

    fn page(query: &Query) -> Page<&'static str> {
        let items = KEYS.into_iter().filter(|key| *key >= query.first() && query.is_new(key));
        query.page(items.map(|key| (key, key)))
    }

    fn pages(prefix: &str, delimiter: &str, limit: usize) -> (Vec<&'static str>, Vec<String>, usize) {
        let mut query = Query { prefix: prefix.into(), delimiter: delimiter.into(), limit, after: None };
        let (mut keys, mut prefixes, mut count) = (Vec::new(), Vec::new(), 0);
        loop {
            let page = page(&query);
            count += 1;
            keys.extend(page.entries);
            prefixes.extend(page.prefixes);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return (keys, prefixes, count),
            }
        }
    }

    #[test]
    fn pages_of_any_size_list_everything_once() {
        for limit in 1..8 {
            let (keys, prefixes, count) = pages("", "", limit);
            assert_eq!((keys.as_slice(), prefixes.len()), (&KEYS[..], 0), "pages of {limit}");
            assert_eq!(count, KEYS.len().div_ceil(limit), "pages of {limit}");
            let (keys, prefixes, _) = pages("", "/", limit);
            assert_eq!(keys, ["a", "c", "é"], "pages of {limit}");
            assert_eq!(prefixes, ["b/", "d/"], "pages of {limit}");
            let (keys, prefixes, _) = pages("b/", "/", limit);
            assert_eq!((keys, prefixes), (vec!["b/1", "b/2"], vec!["b/c/".to_owned()]), "pages of {limit}");
        }
    }

    #[test]
    fn an_empty_page_is_not_truncated() {
        assert_eq!(page(&Query::default()), Page { entries: vec![], prefixes: vec![], next: None });
    }

    /// Three keys with two, one and three each.
    fn several() -> impl Iterator<Item = (&'static str, Vec<(&'static str, &'static str)>)> {
        [("a", vec!["2", "1"]), ("b/1", vec!["3"]), ("c", vec!["6", "5", "4"])]
            .into_iter()
            .map(|(key, ids)| (key, ids.into_iter().map(|id| (id, id)).collect()))
    }

    #[test]
    fn pages_of_several_continue_after_the_last_item() {
        for (delimiter, expected) in [("", &["2", "1", "3", "6", "5", "4"][..]), ("/", &["2", "1", "6", "5", "4"])] {
            for limit in 1..8 {
                let (mut key, mut id, mut seen): (Option<String>, Option<String>, Vec<&str>) = (None, None, Vec::new());
                loop {
                    let markers = Markers { key: key.as_deref(), id: id.as_deref() };
                    let (page, next) = VersionQuery::of(None, Some(delimiter), limit, markers).page(several());
                    seen.extend(page.entries);
                    (key, id) = (page.next.map(|mark| mark.text().to_owned()), next);
                    if key.is_none() {
                        break;
                    }
                }
                assert_eq!(seen, expected, "pages of {limit}, delimiter {delimiter:?}");
            }
        }
    }

    #[test]
    fn a_marker_that_ends_with_the_delimiter_can_be_a_key() {
        let keys = ["f/", "f/1", "f/2", "f/g/", "f/g/3"];
        for limit in 1..6 {
            let (mut marker, mut id, mut seen) = (None::<String>, None::<String>, Vec::new());
            let (mut plain_marker, mut plain_seen) = (None::<String>, Vec::new());
            loop {
                let query = Query::of(Some("f/"), Some("/"), limit, plain_marker.as_deref());
                let items = keys.iter().filter(|key| **key >= query.first() && query.is_new(key));
                let page = query.page(items.map(|key| (*key, (*key).to_owned())));
                plain_seen.extend(page.entries.into_iter().chain(page.prefixes));
                plain_marker = page.next.map(|mark| mark.text().to_owned());
                if plain_marker.is_none() {
                    break;
                }
            }
            loop {
                let markers = Markers { key: marker.as_deref(), id: id.as_deref() };
                let several = keys.iter().map(|key| (*key, vec![("2", (*key).to_owned()), ("1", (*key).to_owned())]));
                let (page, next) = VersionQuery::of(Some("f/"), Some("/"), limit, markers).page(several);
                seen.extend(page.entries.into_iter().chain(page.prefixes));
                (marker, id) = (page.next.map(|mark| mark.text().to_owned()), next);
                if marker.is_none() {
                    break;
                }
            }
            assert_eq!(plain_seen, ["f/", "f/1", "f/2", "f/g/"], "pages of {limit}");
            assert_eq!(seen, ["f/", "f/", "f/1", "f/1", "f/2", "f/2", "f/g/"], "pages of {limit}");
        }
    }

    #[test]
    fn an_id_marker_resumes_within_a_folder_key_despite_grouping() {
        let several = [("f/", vec![("2", "f/ 2"), ("1", "f/ 1")]), ("f/1", vec![("3", "f/1 3")])];
        let markers = Markers { key: Some("f/"), id: Some("2") };
        let (page, _) = VersionQuery::of(None, Some("/"), 9, markers).page(several.into_iter());
        assert_eq!(page.prefixes, ["f/"], "the items after the ID have the common prefix");
    }

    #[test]
    fn an_unknown_id_marker_skips_the_rest_of_its_key() {
        let markers = Markers { key: Some("a"), id: Some("gone") };
        let (page, _) = VersionQuery::of(None, None, 9, markers).page(several());
        assert_eq!(page.entries, ["3", "6", "5", "4"]);
    }

    #[test]
    fn a_page_by_number_reports_whether_more_follow() {
        assert_eq!(numbered(1..=3, 2), (vec![1, 2], true));
        assert_eq!(numbered(1..=2, 2), (vec![1, 2], false));
        assert_eq!(numbered(1..=2, 0), (vec![], false), "an empty page is not truncated");
    }
}
