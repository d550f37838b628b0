//! The layout of a multipart copy: parts, as S3 counts them, and slices, each a run of parts that one invocation
//! copies.
//!
//! S3's limits: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.

use serde::{Deserialize, Serialize};

use crate::{
    contract::Method,
    event::InvalidInput,
    names::{ByteRange, InvalidName, PartNumber},
};

/// One mebibyte in bytes.
pub const MIB: u64 = 1 << 20;
/// One gibibyte in bytes.
pub const GIB: u64 = 1 << 30;
/// The smallest part that is not the last.
pub const MIN_PART: u64 = 5 * MIB;
/// The largest part, and the largest object that one `CopyObject` takes.
pub const MAX_PART: u64 = 5 * GIB;
/// The most parts of one upload.
pub const MAX_PARTS: u64 = 10_000;
/// The largest object: 10,000 parts of 5 GiB, which AWS writes as 48.8 TiB.
pub const MAX_OBJECT: u64 = MAX_PARTS * MAX_PART;

/// The default size at which an object is copied in parts.
pub const DEFAULT_MULTIPART_THRESHOLD: u64 = 64 * MIB;

/// The target number of parts of a planned layout.
const AIM_PARTS: u64 = 2048;
/// The smallest part of a planned layout.
const AIM_MIN_PART: u64 = 64 * MIB;
/// The iterations that an inline Map runs at once
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html>).
const CONCURRENT_SLICES: u64 = 40;
/// The parts of a slice: as many as one invocation keeps in flight. Smaller slices waste invocations.
const PARTS_PER_SLICE: u64 = 8;
/// The bytes that one invocation copies safely: a fifth of the 600 GiB that 8 concurrent copies of 5 GiB, at one minute
/// each, copy in the time of an invocation.
const SLICE_BYTES: u64 = 128 * GIB;
/// The most slices: two rounds of forty. Every slice costs history events, retries included, and an execution may have
/// 25,000. The contract tests compute the worst case from the state machine.
pub const MAX_SLICES: u64 = 80;

/// The parts of one object. All have `part_size` bytes; the last one may be smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLayout {
    size: u64,
    part_size: u64,
}

/// The layout of the source, from `HeadObject` with `partNumber=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceParts {
    /// The number of parts of the source.
    pub count: u64,
    /// The size of the first part in bytes.
    pub first_size: u64,
}

/// The object is larger than S3 stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{size} bytes are more than the {MAX_OBJECT} bytes of the largest S3 object")]
pub struct TooLarge {
    /// The size in bytes.
    pub size: u64,
}

impl PartLayout {
    /// The layout for a copy of an object of `size` bytes. If the layout of the source is uniform, the copy has the
    /// same layout, so that its entity tag is equal. Otherwise it has about 2,048 parts of 64 MiB to 5 GiB.
    pub fn plan(size: u64, source: Option<SourceParts>) -> Result<Self, TooLarge> {
        if size > MAX_OBJECT {
            return Err(TooLarge { size });
        }
        if let Some(part_size) = source.and_then(|source| uniform_part_size(size, source)) {
            return Ok(Self { size, part_size });
        }
        let aim = size.div_ceil(AIM_PARTS).next_multiple_of(MIB);
        Ok(Self { size, part_size: aim.clamp(AIM_MIN_PART, MAX_PART) })
    }

    /// The layout with this part size. A part size of zero counts as one byte.
    pub fn with_part_size(size: u64, part_size: u64) -> Self {
        Self { size, part_size: part_size.max(1) }
    }

    /// The size of every part except the last, in bytes.
    pub fn part_size(self) -> u64 {
        self.part_size
    }

    /// The number of parts. An empty object has one part, because S3 does not complete an upload without parts.
    pub fn part_count(self) -> u64 {
        self.size.div_ceil(self.part_size).max(1)
    }

    /// The last part; `None` if the layout has more parts than an upload may have.
    pub fn last_part(self) -> Option<PartNumber> {
        part_number(self.part_count())
    }

    /// The bytes of a part; `None` for the part of an empty object and for parts past the end.
    pub fn range(self, part: PartNumber) -> Option<ByteRange> {
        let first = u64::from(part.get() - 1).checked_mul(self.part_size)?;
        let last = first.saturating_add(self.part_size).min(self.size).checked_sub(1)?;
        (first <= last).then_some(ByteRange { first, last })
    }

    /// The bytes of a slice.
    pub fn slice_bytes(self, slice: Slice) -> u64 {
        slice.parts().filter_map(|part| self.range(part)).map(ByteRange::length).sum()
    }

    /// Divides the parts into slices: enough for forty concurrent invocations, with at least eight parts each if the
    /// object has that many, short enough for one invocation, and at most [`MAX_SLICES`].
    pub fn slices(self) -> Vec<Slice> {
        let parts = self.part_count();
        let busy = parts.div_ceil(PARTS_PER_SLICE).min(CONCURRENT_SLICES);
        let count = busy.max(self.size.div_ceil(SLICE_BYTES)).min(MAX_SLICES).min(parts);
        (0..count)
            .filter_map(|index| {
                // Spread evenly: the first `parts % count` slices have one part more.
                let first = index * parts / count + 1;
                let last = (index + 1) * parts / count;
                Some(Slice {
                    index: u32::try_from(index).ok()?,
                    first_part: part_number(first)?,
                    last_part: part_number(last)?,
                })
            })
            .collect()
    }
}

/// A run of at least one part that one invocation copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "ReadSlice")]
pub struct Slice {
    /// The position among the slices, from 0.
    pub index: u32,
    /// The first part.
    pub first_part: PartNumber,
    /// The last part, inclusive.
    pub last_part: PartNumber,
}

impl PartLayout {
    /// Checks that the parts of a slice are parts of the object.
    pub fn check(self, slice: Slice) -> Result<(), InvalidInput> {
        let (first, last, count) = (slice.first_part, slice.last_part, self.part_count());
        if first <= last && u64::from(last.get()) <= count {
            return Ok(());
        }
        let problem = format!("it has parts {first} to {last}, but the object has parts 1 to {count}");
        Err(InvalidInput { path: "slice".to_owned(), problem })
    }
}

/// The JSON form of a slice, before the check.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadSlice {
    index: u32,
    first_part: PartNumber,
    last_part: PartNumber,
}

impl TryFrom<ReadSlice> for Slice {
    type Error = InvalidName;

    fn try_from(read: ReadSlice) -> Result<Self, InvalidName> {
        let ReadSlice { index, first_part, last_part } = read;
        if first_part > last_part {
            let problem = format!("a slice's firstPart, here {first_part}, is at most its lastPart, here {last_part}");
            return Err(InvalidName::new(problem));
        }
        Ok(Self { index, first_part, last_part })
    }
}

impl Slice {
    /// The parts in order.
    pub fn parts(self) -> impl DoubleEndedIterator<Item = PartNumber> {
        (self.first_part.get()..=self.last_part.get()).filter_map(|number| PartNumber::new(number).ok())
    }

    /// Whether the part belongs to the slice.
    pub fn contains(self, part: PartNumber) -> bool {
        (self.first_part..=self.last_part).contains(&part)
    }
}

/// Whether a storage class has to be restored before it can be read.
pub fn is_archive(class: &str) -> bool {
    matches!(class, "GLACIER" | "DEEP_ARCHIVE")
}

/// The copy method for an object of this size and storage class. A copy in one request is proven by reading it, a copy
/// in parts by the checksum that S3 computes from the parts. So an object is copied in parts if its size reaches the
/// threshold or exceeds the limit of `CopyObject`, or if its copy cannot be read. An empty object is never copied in
/// parts.
pub fn method_for(size: u64, threshold: u64, class: Option<&str>) -> Method {
    let in_parts = size >= threshold || size > MAX_PART || class.is_some_and(is_archive);
    if size > 0 && in_parts { Method::Multipart } else { Method::CopyObject }
}

fn part_number(number: u64) -> Option<PartNumber> {
    PartNumber::new(u32::try_from(number).ok()?).ok()
}

/// The part size of a source in which all parts except the last have the same size; `None` for other sources.
pub fn uniform_part_size(size: u64, source: SourceParts) -> Option<u64> {
    let SourceParts { count, first_size } = source;
    let legal = (2..=MAX_PARTS).contains(&count) && (MIN_PART..=MAX_PART).contains(&first_size);
    let uniform = legal && size > (count - 1) * first_size && size <= count * first_size;
    uniform.then_some(first_size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(size: u64, source: Option<SourceParts>) -> PartLayout {
        PartLayout::plan(size, source).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_largest_object_of_s3_fits_and_one_byte_more_does_not() {
        let layout = plan(MAX_OBJECT, None);
        assert_eq!((layout.part_size(), layout.part_count()), (MAX_PART, MAX_PARTS));
        assert_eq!(layout.slices().len() as u64, MAX_SLICES);
        assert_eq!(PartLayout::plan(MAX_OBJECT + 1, None), Err(TooLarge { size: MAX_OBJECT + 1 }));
    }

    #[test]
    fn a_uniform_source_keeps_its_own_layout() {
        let layout = plan(20 * 8 * MIB - 5, Some(SourceParts { count: 20, first_size: 8 * MIB }));
        assert_eq!((layout.part_size(), layout.part_count()), (8 * MIB, 20));
        assert_eq!(layout.slices().len(), 3);
    }

    #[test]
    fn a_source_whose_parts_differ_gets_a_planned_layout() {
        let layout = plan(100 * MIB, Some(SourceParts { count: 3, first_size: 5 * MIB }));
        assert_eq!((layout.part_size(), layout.part_count()), (64 * MIB, 2));
    }

    #[test]
    fn objects_from_the_threshold_on_and_above_five_gibibytes_are_copied_in_parts() {
        for (size, threshold, class, method) in [
            (9, 10, None, Method::CopyObject),
            (10, 10, None, Method::Multipart),
            (MAX_PART, u64::MAX, Some("GLACIER_IR"), Method::CopyObject),
            (MAX_PART + 1, u64::MAX, None, Method::Multipart),
            (9, 10, Some("DEEP_ARCHIVE"), Method::Multipart),
            (0, 0, Some("GLACIER"), Method::CopyObject),
        ] {
            let found = method_for(size, threshold, class);
            assert_eq!(found, method, "{size} bytes, threshold {threshold}");
        }
    }

    #[test]
    fn an_empty_object_is_one_part_without_bytes() {
        let layout = plan(0, None);
        assert_eq!(layout.part_count(), 1);
        assert_eq!(layout.range(PartNumber::FIRST), None);
        assert_eq!(layout.slices().len(), 1);
    }

    fn sizes() -> impl Strategy<Value = u64> {
        prop_oneof![0..=MAX_OBJECT, 0..=100 * MIB, (0_u32..46).prop_map(|bits| 1_u64 << bits), Just(MAX_OBJECT)]
    }

    fn sources() -> impl Strategy<Value = Option<SourceParts>> {
        prop::option::of(
            (1..=MAX_PARTS, MIN_PART..=MAX_PART).prop_map(|(count, first_size)| SourceParts { count, first_size }),
        )
    }

    proptest! {
        #[test]
        fn parts_cover_every_byte_exactly_once_within_the_limits_of_s3(size in sizes(), source in sources()) {
            let layout = plan(size, source);
            prop_assert!(layout.part_count() <= MAX_PARTS);
            prop_assert!((MIN_PART..=MAX_PART).contains(&layout.part_size()));
            let mut next = 0;
            for number in 1..=layout.part_count() {
                let Some(range) = part_number(number).and_then(|part| layout.range(part)) else {
                    prop_assert_eq!((size, number), (0, 1), "only an empty object has a part without bytes");
                    continue;
                };
                prop_assert_eq!(range.first, next);
                prop_assert!(range.length() == layout.part_size() || number == layout.part_count());
                next = range.last + 1;
            }
            prop_assert_eq!(next, size);
        }

        #[test]
        fn slices_cover_every_part_exactly_once_and_are_even(size in sizes(), source in sources()) {
            let layout = plan(size, source);
            let slices = layout.slices();
            prop_assert!(!slices.is_empty() && slices.len() as u64 <= MAX_SLICES);
            let parts: Vec<_> = slices.iter().flat_map(|slice| slice.parts()).map(|part| u64::from(part.get())).collect();
            prop_assert_eq!(parts, (1..=layout.part_count()).collect::<Vec<_>>());
            let lengths: Vec<_> = slices.iter().map(|slice| slice.parts().count()).collect();
            prop_assert!(lengths.iter().max().unwrap_or(&0) - lengths.iter().min().unwrap_or(&0) <= 1);
            prop_assert_eq!(slices.iter().map(|slice| layout.slice_bytes(*slice)).sum::<u64>(), size);
        }
    }
}
