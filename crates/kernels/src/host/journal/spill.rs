//! The file a journal spills to: nameless segments, oldest dropped when the quota is reached.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::Arc,
};

use bytes::{Buf, Bytes};

use super::{Audience, Delivery, Position};
use crate::ClientId;

/// When a segment is full. Dropping the oldest loses at most this much.
const SEGMENT_BYTES_MAX: u64 = 16 << 20;

/// At least so many segments share a quota, so that a small one is not dropped whole.
const SEGMENTS_MIN: u64 = 8;

/// How much one chunk reads at most, unless one message alone is larger.
const CHUNK_BYTES_MAX: u64 = 1 << 20;

/// When so much is collected it is written.
const COLLECTED_BYTES_MAX: usize = 128 << 10;

/// A message of this size is written from where it is.
const LARGE_BYTES: usize = 32 << 10;

/// Segments, oldest first.
pub(super) struct Spill {
    dir: PathBuf,
    quota_bytes: u64,
    segments: VecDeque<Segment>,
}

/// Records one after the other: `audience length (u32, 0 for everyone), audience, v1 frame`.
struct Segment {
    file: Arc<File>,
    first: Position,
    /// Where each record ends.
    ends: Vec<u64>,
    /// The last records, not written yet: one write for many.
    collected: Vec<u8>,
}

/// Some records of one segment, to be read where blocking is allowed.
pub(super) struct SpilledChunk {
    file: Arc<File>,
    first: Position,
    start: u64,
    ends: Vec<u64>,
}

impl Spill {
    pub(super) fn new(dir: PathBuf, quota_bytes: u64) -> Self {
        Self {
            dir,
            quota_bytes,
            segments: VecDeque::new(),
        }
    }

    /// The oldest position it holds.
    pub(super) fn first(&self) -> Option<Position> {
        self.segments.front().map(|segment| segment.first)
    }

    /// Adds the record that follows the last; after a hole it starts anew.
    pub(super) fn append(&mut self, delivery: &Delivery) -> io::Result<()> {
        if self.segments.back().map(Segment::end) != Some(delivery.position) {
            self.segments.clear();
        }
        let segment_bytes_max = SEGMENT_BYTES_MAX.min(self.quota_bytes / SEGMENTS_MIN);
        let is_full = |segment: &Segment| segment.bytes() >= segment_bytes_max;
        if self.segments.back().is_none_or(is_full) {
            // Without a name from the start: nobody else can open it, and it goes when we go.
            let file = Arc::new(tempfile::tempfile_in(&self.dir)?);
            self.segments.push_back(Segment {
                file,
                first: delivery.position,
                ends: Vec::new(),
                collected: Vec::new(),
            });
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.append(delivery)?;
        }
        while self.bytes() > self.quota_bytes {
            self.segments.pop_front();
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.segments.clear();
    }

    /// Drops segments that end before `needed_from`.
    pub(super) fn forget_before(&mut self, needed_from: Option<Position>) {
        let is_needed = |segment: &Segment| needed_from.is_some_and(|from| segment.end() > from);
        while self.segments.front().is_some_and(|oldest| !is_needed(oldest)) {
            self.segments.pop_front();
        }
    }

    /// The records from `from` on, if it is held.
    pub(super) fn chunk(&mut self, from: Position) -> io::Result<Option<SpilledChunk>> {
        let holds = |segment: &&mut Segment| (segment.first..segment.end()).contains(&from);
        let Some(segment) = self.segments.iter_mut().find(holds) else {
            return Ok(None);
        };
        segment.write_collected()?;
        Ok(segment.chunk(from))
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::bytes).sum()
    }
}

impl Segment {
    fn append(&mut self, delivery: &Delivery) -> io::Result<()> {
        let audience = match &delivery.audience {
            Audience::Everyone => "",
            Audience::Only(client) => client.as_str(),
        };
        let audience_bytes = u32::try_from(audience.len()).map_err(io::Error::other)?;
        self.collected.extend(audience_bytes.to_le_bytes());
        self.collected.extend(audience.as_bytes());
        let v1 = delivery.v1();
        if v1.len() < LARGE_BYTES {
            self.collected.extend_from_slice(v1);
        } else {
            self.write_collected()?;
            (&*self.file).write_all(v1)?;
        }
        if self.collected.len() >= COLLECTED_BYTES_MAX {
            self.write_collected()?;
        }
        let record_bytes = size_of::<u32>()
            .saturating_add(audience.len())
            .saturating_add(v1.len());
        self.ends.push(self.bytes().saturating_add(record_bytes as u64));
        Ok(())
    }

    fn write_collected(&mut self) -> io::Result<()> {
        (&*self.file).write_all(&self.collected)?;
        self.collected.clear();
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn end(&self) -> Position {
        Position(self.first.0.saturating_add(self.ends.len() as u64))
    }

    fn chunk(&self, from: Position) -> Option<SpilledChunk> {
        let index = usize::try_from(from.0.checked_sub(self.first.0)?).ok()?;
        let start = match index.checked_sub(1) {
            None => 0,
            Some(before) => *self.ends.get(before)?,
        };
        let ends = self.ends.get(index..)?;
        let fits = |end: &&u64| **end <= start.saturating_add(CHUNK_BYTES_MAX);
        let count = ends.iter().take_while(fits).count().max(1);
        Some(SpilledChunk {
            file: self.file.clone(),
            first: from,
            start,
            ends: ends.iter().take(count).copied().collect(),
        })
    }
}

impl SpilledChunk {
    /// The position after the last record.
    pub(super) fn end(&self) -> Position {
        Position(self.first.0.saturating_add(self.ends.len() as u64))
    }

    /// The position of the first record.
    pub(super) fn start(&self) -> Position {
        self.first
    }

    /// Reads the records. Blocks on the disk.
    pub(super) fn read(&self) -> io::Result<Vec<Arc<Delivery>>> {
        let end = self.ends.last().copied().unwrap_or(self.start);
        let bytes = usize::try_from(end.saturating_sub(self.start)).map_err(io::Error::other)?;
        let mut all = vec![0; bytes];
        self.file.read_exact_at(&mut all, self.start)?;
        let mut all = Bytes::from(all);
        let mut start = self.start;
        let mut position = self.first;
        let mut deliveries = Vec::with_capacity(self.ends.len());
        for end in &self.ends {
            let record_bytes = usize::try_from(end.saturating_sub(start)).map_err(io::Error::other)?;
            let record = all.split_to(record_bytes.min(all.len()));
            deliveries.push(Arc::new(delivery(position, record).ok_or_else(damaged)?));
            start = *end;
            position = position.next();
        }
        Ok(deliveries)
    }
}

fn delivery(position: Position, mut record: Bytes) -> Option<Delivery> {
    let audience_bytes = usize::try_from(record.try_get_u32_le().ok()?).ok()?;
    if audience_bytes > record.len() {
        return None;
    }
    let audience = record.split_to(audience_bytes);
    let audience = if audience.is_empty() {
        Audience::Everyone
    } else {
        Audience::Only(ClientId::new(std::str::from_utf8(&audience).ok()?))
    };
    Delivery::from_v1(position, audience, record)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a record of the journal is damaged")
}
