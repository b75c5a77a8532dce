//! The zip format, written from front to back without going back: sizes and checksums follow the bytes they are of.
//!
//! Files of 4 GiB and more, and archives of more, use the extensions that are called zip64; smaller ones do not, so that
//! old programs can read them. Names are UTF-8.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::{Timestamp, tz::TimeZone};

use crate::time::FileTime;

/// Of the format that knows zip64, and of the one that knows directories and deflate.
const VERSION_ZIP64: u16 = 45;
const VERSION: u16 = 20;
/// Made on Unix, so that the mode counts.
const MADE_BY: u16 = (3 << 8) | VERSION_ZIP64;
/// Sizes follow the bytes; the name is UTF-8.
const FLAGS: u16 = (1 << 3) | (1 << 11);
const DEFLATED: u16 = 8;
const STORED: u16 = 0;
/// Says that the number is elsewhere, in the part for zip64.
const ELSEWHERE_32: u32 = u32::MAX;
const ELSEWHERE_16: u16 = u16::MAX;
/// A file that is larger when it is opened may become too large for 32 bits while it is read.
const LARGE_BYTES: u64 = 2 << 30;
const FILE_MODE: u32 = 0o100_644;
const DIRECTORY_MODE: u32 = 0o040_755;
/// MS-DOS's mark of a directory.
const DOS_DIRECTORY: u32 = 0x10;

/// An archive in the making. What is to be sent next is in `out`.
pub(super) struct Zip {
    pub(super) out: Vec<u8>,
    /// Bytes that were taken from `out`.
    sent: u64,
    entries: u64,
    /// The list at the end. It grows with the number of files, so it lies on the disk, in a file without a name.
    list: BufWriter<File>,
    list_bytes: u64,
    entry: Option<Open>,
}

/// The file that is being written.
struct Open {
    name: String,
    modified: FileTime,
    start: u64,
    is_large: bool,
    checksum: crc32fast::Hasher,
    deflated: DeflateEncoder<Vec<u8>>,
    size: u64,
    compressed: u64,
}

/// A line of the list at the end.
struct Listed<'a> {
    name: &'a str,
    modified: FileTime,
    method: u16,
    flags: u16,
    checksum: u32,
    compressed: u64,
    size: u64,
    start: u64,
    attributes: u32,
}

impl Zip {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            out: Vec::new(),
            sent: 0,
            entries: 0,
            list: BufWriter::new(tempfile::tempfile()?),
            list_bytes: 0,
            entry: None,
        })
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        self.sent += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    fn position(&self) -> u64 {
        self.sent + self.out.len() as u64
    }

    pub(super) fn directory(&mut self, name: &str, modified: FileTime) -> io::Result<()> {
        let name = format!("{name}/");
        let start = self.position();
        self.local_header(&name, modified, STORED, 1 << 11, false)?;
        self.list(&Listed {
            name: &name,
            modified,
            method: STORED,
            flags: 1 << 11,
            checksum: 0,
            compressed: 0,
            size: 0,
            start,
            attributes: (DIRECTORY_MODE << 16) | DOS_DIRECTORY,
        })
    }

    /// Begins a file that has about `size` bytes.
    pub(super) fn begin(&mut self, name: String, modified: FileTime, size: u64) -> io::Result<()> {
        let (start, is_large) = (self.position(), size >= LARGE_BYTES);
        self.local_header(&name, modified, DEFLATED, FLAGS, is_large)?;
        self.entry = Some(Open {
            name,
            modified,
            start,
            is_large,
            checksum: crc32fast::Hasher::new(),
            deflated: DeflateEncoder::new(Vec::new(), Compression::fast()),
            size: 0,
            compressed: 0,
        });
        Ok(())
    }

    /// Adds bytes to the file that was begun.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(entry) = &mut self.entry else {
            return Err(io::Error::other("no file was begun"));
        };
        entry.checksum.update(bytes);
        entry.size += bytes.len() as u64;
        entry.deflated.write_all(bytes)?;
        let ready = std::mem::take(entry.deflated.get_mut());
        entry.compressed += ready.len() as u64;
        self.out.extend_from_slice(&ready);
        Ok(())
    }

    /// Ends the file that was begun.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let Some(entry) = self.entry.take() else {
            return Ok(());
        };
        let rest = entry.deflated.finish()?;
        let compressed = entry.compressed + rest.len() as u64;
        self.out.extend_from_slice(&rest);
        let checksum = entry.checksum.finalize();
        self.out.extend_from_slice(b"PK\x07\x08");
        self.u32(checksum);
        if entry.is_large {
            self.u64(compressed);
            self.u64(entry.size);
        } else {
            self.u32(small(compressed)?);
            self.u32(small(entry.size)?);
        }
        self.list(&Listed {
            name: &entry.name,
            modified: entry.modified,
            method: DEFLATED,
            flags: FLAGS,
            checksum,
            compressed,
            size: entry.size,
            start: entry.start,
            attributes: FILE_MODE << 16,
        })
    }

    fn local_header(
        &mut self,
        name: &str,
        modified: FileTime,
        method: u16,
        flags: u16,
        is_large: bool,
    ) -> io::Result<()> {
        let unknown = if is_large { ELSEWHERE_32 } else { 0 };
        self.out.extend_from_slice(b"PK\x03\x04");
        self.u16(if is_large { VERSION_ZIP64 } else { VERSION });
        self.u16(flags);
        self.u16(method);
        self.u32(dos_time(modified));
        self.u32(0); // the checksum
        self.u32(unknown);
        self.u32(unknown);
        self.u16(length_of(name)?);
        self.u16(if is_large { 20 } else { 0 });
        self.out.extend_from_slice(name.as_bytes());
        if is_large {
            self.u16(1);
            self.u16(16);
            self.u64(0);
            self.u64(0);
        }
        Ok(())
    }

    fn list(&mut self, listed: &Listed<'_>) -> io::Result<()> {
        // Each of these that does not fit stands in the part for zip64, in this order.
        let numbers = [listed.size, listed.compressed, listed.start];
        let large: Vec<u8> = numbers
            .into_iter()
            .filter(|number| *number >= u64::from(ELSEWHERE_32))
            .flat_map(u64::to_le_bytes)
            .collect();
        let short = |number: u64| u32::try_from(number).unwrap_or(ELSEWHERE_32);
        let extra = if large.is_empty() { 0 } else { 4 + large.len() };
        let mut line = Vec::with_capacity(64 + listed.name.len());
        line.extend_from_slice(b"PK\x01\x02");
        line.extend_from_slice(&MADE_BY.to_le_bytes());
        let needed = if large.is_empty() { VERSION } else { VERSION_ZIP64 };
        for number in [needed, listed.flags, listed.method] {
            line.extend_from_slice(&number.to_le_bytes());
        }
        for number in [
            dos_time(listed.modified),
            listed.checksum,
            short(listed.compressed),
            short(listed.size),
        ] {
            line.extend_from_slice(&number.to_le_bytes());
        }
        // Lengths of the name, the extra part and a comment; the disk; attributes inside.
        for number in [length_of(listed.name)?, extra as u16, 0, 0, 0] {
            line.extend_from_slice(&number.to_le_bytes());
        }
        line.extend_from_slice(&listed.attributes.to_le_bytes());
        line.extend_from_slice(&short(listed.start).to_le_bytes());
        line.extend_from_slice(listed.name.as_bytes());
        if !large.is_empty() {
            line.extend_from_slice(&1_u16.to_le_bytes());
            line.extend_from_slice(&(large.len() as u16).to_le_bytes());
            line.extend_from_slice(&large);
        }
        self.list.write_all(&line)?;
        self.list_bytes += line.len() as u64;
        self.entries += 1;
        Ok(())
    }

    /// Ends the archive: the list, to be sent after `out`, and what comes after the list.
    pub(super) fn finish(mut self) -> io::Result<(impl Read + Send + use<>, Vec<u8>)> {
        let start = self.position();
        let (entries, list_bytes) = (self.entries, self.list_bytes);
        let end = start + list_bytes;
        self.out.clear();
        let is_large = entries >= u64::from(ELSEWHERE_16) || end >= u64::from(ELSEWHERE_32);
        if is_large {
            self.out.extend_from_slice(b"PK\x06\x06");
            self.u64(44); // what follows of this record
            self.u16(MADE_BY);
            self.u16(VERSION_ZIP64);
            self.u32(0);
            self.u32(0);
            self.u64(entries);
            self.u64(entries);
            self.u64(list_bytes);
            self.u64(start);
            self.out.extend_from_slice(b"PK\x06\x07");
            self.u32(0);
            self.u64(end);
            self.u32(1);
        }
        let count = u16::try_from(entries).unwrap_or(ELSEWHERE_16);
        self.out.extend_from_slice(b"PK\x05\x06");
        self.u32(0);
        self.u16(count);
        self.u16(count);
        self.u32(u32::try_from(list_bytes).unwrap_or(ELSEWHERE_32));
        self.u32(u32::try_from(start).unwrap_or(ELSEWHERE_32));
        self.u16(0);
        let mut list = self.list.into_inner().map_err(io::IntoInnerError::into_error)?;
        list.rewind()?;
        Ok((list, self.out))
    }

    fn u16(&mut self, number: u16) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }
}

fn small(bytes: u64) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::other("a file has grown beyond 4 GiB while it was read"))
}

fn length_of(name: &str) -> io::Result<u16> {
    u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidFilename.into())
}

/// The time in MS-DOS's numbers, in UTC, which begin with 1980 and end with 2107.
fn dos_time(time: FileTime) -> u32 {
    const FIRST: u32 = (1 << 21) | (1 << 16);
    let Ok(time) = Timestamp::from_second(time.unix_seconds()) else {
        return FIRST;
    };
    let time = time.to_zoned(TimeZone::UTC).datetime();
    let part = |number: i8| u32::try_from(number).unwrap_or(0);
    match u32::try_from(i32::from(time.year()) - 1980) {
        Ok(year) if year < 128 => {
            let date = (year << 9) | (part(time.month()) << 5) | part(time.day());
            let clock = (part(time.hour()) << 11) | (part(time.minute()) << 5) | (part(time.second()) / 2);
            (date << 16) | clock
        }
        _ => FIRST,
    }
}
