//! The samples of a demo without paths: objects that backup tools often get wrong.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
    path::Path,
};

use super::items::{Checksum, Item};
use crate::commands::CommandError;

const MIB: u64 = 1 << 20;
/// 21 parts of 8 MiB, the last one short: three slices.
const LARGE: u64 = 20 * 8 * MIB + 5 * MIB + 4321;

/// Writes the samples to a folder.
pub(super) fn create(folder: &Path) -> Result<Vec<Item>, CommandError> {
    let mut items = Vec::new();
    for (number, (key, size)) in [
        ("empty.bin", 0),
        ("reports/2026 Q3 + forecast (final).csv", 48_213),
        ("100% done/50%25 & more?.txt", 1_204),
        ("Grüße/日本語/📦.json", 733),
        ("/leading/slash.txt", 96),
    ]
    .into_iter()
    .enumerate()
    {
        items.push(written(folder, number as u64 + 1, key, size)?);
    }
    items.push(Item {
        content_type: Some("text/markdown; charset=utf-8"),
        metadata: BTreeMap::from([("author".to_owned(), "ann".to_owned()), ("review".to_owned(), "3".to_owned())]),
        tags: Some("team=storage&retention=7%20years"),
        ..written(folder, 10, "with metadata and tags.md", 5_120)?
    });
    items.push(Item { checksum: Checksum::Crc32, ..written(folder, 11, "from an older client.dat", 3 * MIB + 17)? });
    items.push(written(folder, 12, "footage/large.mov", LARGE)?);
    Ok(items)
}

fn written(folder: &Path, seed: u64, key: &str, size: u64) -> Result<Item, CommandError> {
    let path = folder.join(format!("sample-{seed}"));
    fill(&path, seed, size).map_err(|error| CommandError::file(&path, format!("it cannot be written: {error}")))?;
    Ok(Item::plain(path, key.to_owned(), size))
}

/// Writes bytes that do not repeat, so that a part in the wrong place changes the digest. The same seed gives the same
/// bytes.
fn fill(path: &Path, seed: u64, size: u64) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut left = size;
    while left > 0 {
        // xorshift64* (Vigna, 2016).
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let bytes = state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes();
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        file.write_all(&bytes[..take])?;
        left -= take as u64;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_sample_has_21_parts_in_three_slices() {
        use holdfast_core::layout::PartLayout;

        let layout = PartLayout::with_part_size(LARGE, 8 * MIB);
        assert_eq!((layout.part_count(), layout.slices().len()), (21, 3));
    }

    #[test]
    fn each_sample_has_its_size_and_its_own_bytes() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let one = written(folder.path(), 1, "a", 4099)?;
        let other = written(folder.path(), 2, "b", 4099)?;
        let (one, other) = (std::fs::read(one.path)?, std::fs::read(other.path)?);
        assert_eq!((one.len(), other.len()), (4099, 4099));
        assert_ne!(one, other);
        assert_ne!(one[..2048], one[2048..4096]);
        Ok(())
    }
}
