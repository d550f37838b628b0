//! One page of anything that is listed by key: objects, versions, uploads.

/// Where a listing resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// After this key.
    Key(String),
    /// After everything under this common prefix.
    Prefix(String),
}

impl Mark {
    /// As a marker in the protocol.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }
}

/// What a listing asks for.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    /// Empty for none.
    pub(super) delimiter: String,
    pub(super) limit: usize,
    pub(super) after: Option<Mark>,
}

/// One page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page resumes; `None` on the last page.
    pub(super) next: Option<Mark>,
}

impl Query {
    /// Where to begin in a sorted map: no key before this can be on the page.
    pub(super) fn first(&self) -> &str {
        match &self.after {
            Some(Mark::Key(after) | Mark::Prefix(after)) if *after > self.prefix => after,
            _ => &self.prefix,
        }
    }

    /// Whether a key comes only after the mark.
    pub(super) fn is_new(&self, key: &str) -> bool {
        match &self.after {
            None => true,
            Some(Mark::Key(after)) => key > after.as_str(),
            Some(Mark::Prefix(after)) => key > after.as_str() && !key.starts_with(after.as_str()),
        }
    }

    /// Fills a page from items in the order of their keys, which begin at [`Query::first`] and are new.
    pub(super) fn page<'a, T>(&self, items: impl Iterator<Item = (&'a str, T)>) -> Page<T> {
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

    /// The common prefix that a key is listed under.
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let at = key[self.prefix.len()..].find(&self.delimiter)?;
        Some(&key[..self.prefix.len() + at + self.delimiter.len()])
    }
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
    fn a_page_of_nothing_is_not_cut_short() {
        assert_eq!(page(&Query::default()), Page { entries: vec![], prefixes: vec![], next: None });
    }
}
