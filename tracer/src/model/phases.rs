//! How long each phase of an ending took, as far as it was seen.

use super::{
    ending::{Act, Call, Ending, How, Transition},
    observation::SegmentFlags,
    process::{Actor, Task},
    state::TcpState,
    time::MonoNs,
};

/// One of the phases; what each is, [`Phases`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is a field of `Phases`")]
pub enum Phase {
    CloseToFin,
    FinToWire,
    FinToAck,
    CloseBlocked,
    FinWait2,
    CloseWait,
    LastAck,
    CloseToRst,
    RstToWire,
    Total,
}

impl Phase {
    /// Every phase, in the order in which they come.
    pub const ALL: [Self; 10] = [
        Self::CloseToFin,
        Self::FinToWire,
        Self::FinToAck,
        Self::CloseBlocked,
        Self::FinWait2,
        Self::CloseWait,
        Self::LastAck,
        Self::CloseToRst,
        Self::RstToWire,
        Self::Total,
    ];

    /// Its name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloseToFin => "close_to_fin",
            Self::FinToWire => "fin_to_wire",
            Self::FinToAck => "fin_to_ack",
            Self::CloseBlocked => "close_blocked",
            Self::FinWait2 => "fin_wait2",
            Self::CloseWait => "close_wait",
            Self::LastAck => "last_ack",
            Self::CloseToRst => "close_to_rst",
            Self::RstToWire => "rst_to_wire",
            Self::Total => "total",
        }
    }
}

/// The phases of one ending, in nanoseconds; `None` for one that was not, or not seen whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// From the call of close(2), where a hook saw it, to the FIN in the write queue.
    pub close_to_fin: Option<u64>,
    /// From the FIN in the write queue to its first sighting on a device.
    pub fin_to_wire: Option<u64>,
    /// From the FIN in the write queue to its acknowledgement.
    pub fin_to_ack: Option<u64>,
    /// Blocked in close(2) as `SO_LINGER` asks for, until the FIN was acknowledged
    /// (`sk_stream_wait_close`, `net/core/stream.c`).
    pub close_blocked: Option<u64>,
    /// In `FIN_WAIT2`: from the acknowledgement of our FIN to the peer's FIN, or to the hand-over to
    /// a stand-in.
    pub fin_wait2: Option<u64>,
    /// In `CLOSE_WAIT`: from the peer's FIN to ours.
    pub close_wait: Option<u64>,
    /// In `LAST_ACK`: from our FIN to its acknowledgement, after the peer's.
    pub last_ack: Option<u64>,
    /// From the call of close(2), where a hook saw it, to the kernel's decision to send an RST.
    pub close_to_rst: Option<u64>,
    /// From the kernel's decision to send an RST to its first sighting on a device.
    pub rst_to_wire: Option<u64>,
    /// From the call of close(2), seen or implied, to the last thing seen.
    pub total: Option<u64>,
}

impl Phases {
    /// How long one of them took.
    #[must_use]
    pub const fn of(&self, phase: Phase) -> Option<u64> {
        match phase {
            Phase::CloseToFin => self.close_to_fin,
            Phase::FinToWire => self.fin_to_wire,
            Phase::FinToAck => self.fin_to_ack,
            Phase::CloseBlocked => self.close_blocked,
            Phase::FinWait2 => self.fin_wait2,
            Phase::CloseWait => self.close_wait,
            Phase::LastAck => self.last_ack,
            Phase::CloseToRst => self.close_to_rst,
            Phase::RstToWire => self.rst_to_wire,
            Phase::Total => self.total,
        }
    }
}

impl Ending {
    /// How long each phase took.
    #[must_use]
    pub fn phases(&self) -> Phases {
        let fin = self.acts.iter().find(|act| act.how == How::FinSent);
        let called = self.close_called.filter(|call| call.seen);
        let rst = self.acts.iter().find(|act| act.how == How::RstSent);
        let decided = rst.map(|rst| self.decided(rst));
        Phases {
            close_to_fin: called
                .zip(fin)
                .and_then(|(call, fin)| span(call.at, fin.at)),
            fin_to_wire: fin.and_then(|_| self.fin_delay()),
            fin_to_ack: fin.and_then(|fin| self.acknowledged(fin)),
            close_blocked: fin.and_then(|fin| self.blocked(fin)),
            fin_wait2: self.stay(TcpState::FinWait2),
            close_wait: self.stay(TcpState::CloseWait),
            last_ack: self.stay(TcpState::LastAck),
            close_to_rst: called
                .zip(decided)
                .and_then(|(call, decided)| span(call.at, decided)),
            rst_to_wire: decided.and_then(|decided| span(decided, self.rst_seen()?)),
            total: self
                .close_called
                .map(|call| self.last_seen().since(call.at)),
        }
    }

    /// How long the socket was in a state it was seen to enter and to leave.
    fn stay(&self, state: TcpState) -> Option<u64> {
        let entered = self.states.iter().find(|it| it.to == state)?;
        let left = self
            .states
            .iter()
            .find(|it| it.from == state && it.at >= entered.at)?;
        span(entered.at, left.at)
    }

    fn acknowledged(&self, fin: &Act) -> Option<u64> {
        let acknowledges = |from, to| {
            matches!(
                (from, to),
                (TcpState::FinWait1, TcpState::FinWait2 | TcpState::Close)
                    | (TcpState::Closing | TcpState::LastAck, TcpState::Close)
            )
        };
        let cut_off = |act: &Act| matches!(act.how, How::RstSent | How::RstReceived | How::Timeout);
        if self.acts.iter().any(cut_off) {
            return None;
        }
        let states = self.states.iter();
        let mut later = states.filter(|it| it.at >= fin.at);
        span(fin.at, later.find(|it| acknowledges(it.from, it.to))?.at)
    }

    /// An exiting process never waits (`inet_release`, `net/ipv4/af_inet.c`), nor does a shutdown.
    fn blocked(&self, fin: &Act) -> Option<u64> {
        let lives = |task: &Task| task.exit.is_none() && !task.executing;
        let waits = matches!(&fin.actor, Actor::Task(task) if lives(task));
        let lingers = fin.condition.linger?.is_some_and(|time| time > 0);
        let closed = fin.call == Some(Call::Close);
        (waits && lingers && closed).then(|| self.acknowledged(fin))?
    }

    /// When the kernel decided to send an RST: a call closes the socket first, and the hook may run
    /// only when the RST has left (`tcp_send_active_reset`, `net/ipv4/tcp_output.c`).
    fn decided(&self, rst: &Act) -> MonoNs {
        let into_close = |it: &&Transition| it.to == TcpState::Close && it.at <= rst.at;
        let mut changes = self.states.iter().rev();
        let change = changes.find(into_close);
        let of_call = change.filter(|_| rst.provoked_by.is_none());
        of_call.map_or(rst.at, |it| it.at)
    }

    fn rst_seen(&self) -> Option<MonoNs> {
        let mut segments = self.segments.iter().flatten();
        let rst = segments.find(|it| it.sent && it.flags.has(SegmentFlags::RST))?;
        Some(rst.sightings.first()?.at)
    }

    fn fin_delay(&self) -> Option<u64> {
        let fin = self
            .segments
            .iter()
            .flatten()
            .find(|it| it.sent && it.flags.has(SegmentFlags::FIN))?;
        u64::try_from(fin.delay_ns()?).ok()
    }
}

/// Nanoseconds from one time to a later one; `None` the other way round.
fn span(from: MonoNs, to: MonoNs) -> Option<u64> {
    to.0.checked_sub(from.0)
}
