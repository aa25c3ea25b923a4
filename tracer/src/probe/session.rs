//! One run of the kernel half: opened, read from, closed with its account settled.

use std::{io, time::Duration};

use aya::{
    Ebpf,
    maps::{Map, MapError},
};
use tracer_common::{
    event::Kind,
    settings::{Settings, stacks},
};

use super::{
    btf::{Btf, BtfError},
    buffer::Buffers,
    callers::Callers,
    catalog::Point,
    counts::{Counters, Counts},
    filter::{FilterError, Filters},
    gathered::Gathered,
    goroutines::Goroutines,
    held::Held,
    library,
    missed::Loaded,
    object::{self, ObjectError},
    offsets::{OffsetsError, Resolved, resolve},
    plan::Plan,
    source::Source,
    tick::{has_helper, tick_us},
    touches::Touches,
    verdicts::Verdicts,
    way::Allowed,
};

mod buffered;
mod callers;
mod machine;
mod segments;

use buffered::Buffered;
use machine::{cpus, page_bytes, possible_cpus};
pub use segments::Segments;

/// How to run the kernel half.
#[derive(Debug)]
pub struct Request {
    /// The kernel object.
    pub object: Vec<u8>,
    /// One of `tracer_common::settings::transport`; `None` for the cheaper of those there are.
    pub transport: Option<u32>,
    /// KiB per CPU and lane; `None` for the default.
    pub buffer_kib: Option<u32>,
    /// What may be attached.
    pub allowed: Allowed,
    /// The records wanted, bits of `Kind::bit`.
    pub kinds: u32,
    /// The stacks wanted, bits of `tracer_common::settings::stacks`.
    pub stacks: u32,
    /// The filters.
    pub filters: Filters,
    /// What segments are wanted.
    pub segments: Segments,
    /// Whether and how latencies are gathered instead of records sent.
    pub gather: Gather,
}

/// How latencies are gathered in the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gather {
    /// One of `tracer_common::gather::mode`.
    pub mode: u32,
    /// Connections remembered at once, of those that are not over.
    pub connections: u32,
}

/// Why the kernel half does not run.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The kernel's types cannot be read.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// The kernel lacks a required field.
    #[error(transparent)]
    Offsets(#[from] OffsetsError),
    /// The kernel object is unusable.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The filters do not fit.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A map of the object is missing or of another shape.
    #[error("cannot use the map {name} of the kernel object")]
    Map {
        /// The map.
        name: &'static str,
        /// What is wrong.
        #[source]
        source: MapError,
    },
    /// The buffers cannot be opened.
    #[error("cannot open the {transport} buffers")]
    Buffers {
        /// "perf" or "ring".
        transport: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// A running kernel half; dropping it detaches everything.
pub struct Session {
    /// Holds the programs and with them their attachments.
    programs: Option<Ebpf>,
    /// Whether segments are seen by the kernel half.
    captures: bool,
    callers: Callers,
    source: Buffered,
    counters: Counters,
    verdicts: Verdicts,
    loaded: Loaded,
    /// The processes of Go; taken by whoever looks for them.
    pub goroutines: Option<Goroutines>,
    /// Sockets older than the attach that a process filter wants.
    pub held: Held,
    /// What is gathered instead of records.
    pub gathered: Gathered,
    /// Who last sent or received on each socket; nobody unless that was asked for.
    pub touches: Touches,
    /// How every point is hooked.
    pub plan: Plan,
    /// What could not be resolved on this kernel.
    pub resolved: Resolved,
}

impl Session {
    /// Attaches whatever can be attached; whether that is enough the plan says.
    ///
    /// # Errors
    ///
    /// [`SessionError`]; nothing stays attached.
    pub fn open(request: &Request, btf: &Btf) -> Result<Self, SessionError> {
        let resolved = resolve(btf)?;
        let buffers = Buffers::new(request.buffer_kib, cpus()?, possible_cpus()?, page_bytes());
        let transport = request
            .transport
            .unwrap_or_else(|| buffered::usual(&buffers));
        let (networks, network) = request.filters.networks();
        let settings = Settings {
            kinds: request.kinds,
            filters: request.filters.bits(),
            transport,
            wakeup_bytes: buffers.endings / 4,
            tick_us: tick_us(btf),
            has_task_pt_regs: u32::from(has_helper(btf, "task_pt_regs")),
            device: request.segments.device.unwrap_or(0),
            netns: request.segments.netns,
            stacks: request.stacks,
            gather: request.gather.mode,
            networks,
            has_task_btf: u32::from(has_helper(btf, "get_current_task_btf")),
            network,
        };
        let mut programs = object::open(
            &request.object,
            &resolved.offsets,
            &settings,
            &buffers,
            request.gather.connections,
        )?;
        request.filters.write(&mut programs)?;
        let counters = of_map(&mut programs, "COUNTS", Counters::new)?;
        let verdicts = of_map(&mut programs, "VERDICTS", Verdicts::new)?;
        let goroutines = of_map(&mut programs, "GOROUTINES", Goroutines::new)?;
        let listed = of_map(&mut programs, "FILTER", Ok)?;
        let held = |cookies| Held::new(cookies, listed, &request.filters);
        let held = of_map(&mut programs, "HELD", held)?;
        let touches = of_map(&mut programs, "TOUCHES", Touches::new)?;
        let gathered = Gathered::take(&mut programs)
            .map_err(|(name, source)| SessionError::Map { name, source })?;
        let source = Buffered::open(&mut programs, transport, &buffers)?;
        let wanted = |point: &Point| wanted(point, request);
        let types = library::types(btf);
        let plan = Plan::carry_out(&mut programs, btf, types.as_ref(), request.allowed, wanted);
        Ok(Self {
            captures: !request.segments.points.is_empty(),
            callers: Callers::default(),
            loaded: Loaded::of(&programs),
            programs: Some(programs),
            source,
            counters,
            verdicts,
            goroutines: Some(goroutines),
            held,
            gathered,
            touches,
            plan,
            resolved,
        })
    }

    /// How records travel, `perf` or `ringbuf`.
    #[must_use]
    pub fn transport(&self) -> &'static str {
        self.source.name()
    }

    /// Detaches every program; records under way still arrive for a moment.
    pub fn detach(&mut self) {
        self.callers = Callers::default();
        self.programs = None;
    }

    /// Reads what is left after [`Session::detach`] until the account is settled: every record
    /// tried was either received or counted as lost.
    ///
    /// # Errors
    ///
    /// The buffers or counters cannot be read.
    pub fn settle(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut before = None;
        // A program that was running when it was detached ends within microseconds; a hundred
        // tries of two milliseconds outlast any of them.
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(2));
            let counts = self.counts()?;
            self.drain(take)?;
            if before == Some(counts) {
                break;
            }
            before = Some(counts);
        }
        Ok(())
    }

    /// Runs of hooks the kernel skipped so far because it was in the same hook on that CPU; `None`
    /// where it does not count them (before 5.12).
    #[must_use]
    pub fn missed(&self) -> Option<u64> {
        self.loaded.missed()
    }

    /// Sockets a process filter forgot because its table was full.
    ///
    /// # Errors
    ///
    /// The maps cannot be read.
    pub fn forgotten(&self) -> io::Result<u64> {
        let known = self.verdicts.count().map_err(io::Error::other)?;
        Ok(self.counts()?.verdicts().saturating_sub(known))
    }

    /// The kernel half's own account so far.
    ///
    /// # Errors
    ///
    /// The map cannot be read.
    pub fn counts(&self) -> io::Result<Counts> {
        self.counters.read().map_err(io::Error::other)
    }
}

impl Source for Session {
    async fn filled(&mut self) -> io::Result<()> {
        self.source.filled().await
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.source.drain(take)
    }
}

/// Points that cost something are hooked only for what was asked.
fn wanted(point: &Point, request: &Request) -> bool {
    if point.kind == Kind::SegmentSeen {
        return request.segments.points.contains(&point.name);
    }
    // Stacks come with the records of other points; this one keeps the last of each socket.
    if point.kind == Kind::Stack {
        return request.stacks & stacks::TOUCH_USER != 0;
    }
    let follow = point.kind == Kind::ProcessForked && request.filters.follow;
    request.kinds & point.kind.bit() != 0 || follow
}

/// Takes a map out of the object, as what reads it.
fn of_map<M>(
    programs: &mut Ebpf,
    name: &'static str,
    reader: impl FnOnce(Map) -> Result<M, MapError>,
) -> Result<M, SessionError> {
    let map = programs.take_map(name);
    map.ok_or_else(|| MapError::InvalidName { name: name.into() })
        .and_then(reader)
        .map_err(|source| SessionError::Map { name, source })
}
