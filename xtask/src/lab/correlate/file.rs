//! Capture files made from others: of another clock, of another link type.

use std::{fs, process::Command};

use anyhow::{Context as _, ensure};

use crate::shell;

/// The header of a file of nanoseconds in this machine's order of bytes.
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// Copies a file of nanoseconds with its times stretched: a clock that gains so many parts in a
/// million from the first packet on.
pub(super) fn write_drifted(from: &str, to: &str, ppm: i64) -> anyhow::Result<()> {
    let mut bytes = fs::read(from)?;
    ensure!(
        number(&bytes, 0)? == NANOSECONDS,
        "{from} has no nanoseconds"
    );
    let (mut place, mut first) = (24, None);
    while place + 16 <= bytes.len() {
        let seconds = i64::from(number(&bytes, place)?);
        let at = seconds * 1_000_000_000 + i64::from(number(&bytes, place + 4)?);
        let since = at - *first.get_or_insert(at);
        let drifted = at + i64::try_from(i128::from(since) * i128::from(ppm) / 1_000_000)?;
        let parts = [drifted / 1_000_000_000, drifted % 1_000_000_000];
        for (index, part) in parts.into_iter().enumerate() {
            let place = place + index * 4;
            let slot = bytes.get_mut(place..place + 4).context("a packet header")?;
            slot.copy_from_slice(&u32::try_from(part)?.to_ne_bytes());
        }
        place += 16 + usize::try_from(number(&bytes, place + 8)?)?;
    }
    fs::write(to, bytes)?;
    Ok(())
}

/// Copies a file and says of it that its frames are of another link type.
pub(super) fn write_link_type(from: &str, to: &str, link: u32) -> anyhow::Result<()> {
    let mut bytes = fs::read(from)?;
    let slot = bytes.get_mut(20..24).context("the header of a file")?;
    slot.copy_from_slice(&link.to_ne_bytes());
    fs::write(to, bytes)?;
    Ok(())
}

fn number(bytes: &[u8], place: usize) -> anyhow::Result<u32> {
    let rest = bytes.get(place..).and_then(<[u8]>::first_chunk);
    Ok(u32::from_ne_bytes(*rest.context("a number")?))
}

/// Has editcap copy a file, only these packets if any are named.
pub(super) fn edit(words: &[&str], from: &str, to: &str, packets: &str) -> anyhow::Result<()> {
    let mut editcap = Command::new("editcap");
    editcap.args(words).args([from, to]);
    if !packets.is_empty() {
        editcap.arg(packets);
    }
    shell::read(&mut editcap).map(drop)
}
