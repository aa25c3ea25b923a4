//! How long a socket has been in its state, as far as a look at it can tell. Pure.

use crate::model::{
    known::{Timer, TimerKind},
    state::TcpState,
};

/// `TCP_TIMEWAIT_LEN` (`include/net/tcp.h`).
const TIME_WAIT_MS: u32 = 60_000;
/// What clocks may be wrong by: the kernel stamps with jiffies, of 10 ms at most, and `/proc`
/// rounds timers down to ticks of 10 ms.
const GRAIN_MS: u32 = 20;
/// How long the network holds a segment back behind a younger one at most. It is a matter of
/// milliseconds; a second is beyond what TCP itself takes for reordering.
const OVERTAKEN_MS: u32 = 1_000;

/// Milliseconds since something happened to a socket, from its `struct tcp_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since {
    /// `tcpi_last_data_sent`.
    pub(super) data_sent: u32,
    /// `tcpi_last_ack_recv`.
    pub(super) ack_received: u32,
}

/// Nanoseconds that a socket has been in its state at the least; `None` when nothing tells.
///
/// No source says when a state began. What is known of some states is something that cannot have
/// happened before, so that the time since is a lower bound:
///
/// * `ESTABLISHED`: `tcp_finish_connect` and `tcp_rcv_state_process` (`net/ipv4/tcp_input.c`) set
///   `lsndtime` right after they set the state, and later it only grows with data sent.
/// * `FIN_WAIT2`: the acknowledgement of our FIN moves `rcv_tstamp` (`tcp_ack`) and then, in the
///   same run of `tcp_rcv_state_process`, the state. A stand-in of an orphan has no `tcp_info` and
///   its timer began at a value of its owner's choice: nothing tells.
/// * `CLOSE_WAIT`, `CLOSING`: the segment that completed what the peer sent goes through `tcp_ack`
///   before `tcp_fin`. Only where a younger segment overtook it and acknowledged more, `tcp_ack`
///   takes it for old and leaves `rcv_tstamp` at the younger one; hence `OVERTAKEN_MS`.
/// * `TIME_WAIT`: `tcp_time_wait` (`net/ipv4/tcp_minisocks.c`) starts the timer at
///   `TCP_TIMEWAIT_LEN`. It is no exact age, for `tcp_timewait_state_process` starts it again with
///   every segment that still arrives.
///
/// A call begins `SYN_SENT`, `FIN_WAIT1`, `LAST_ACK` and `LISTEN`, and none of these stamps moves
/// then; the first timer of `SYN_RECV` is a program's to choose (`tcp_timeout_init`).
pub(super) fn in_state_ns(
    state: TcpState,
    timer: Option<Timer>,
    since: Option<Since>,
) -> Option<u64> {
    let ms = match state {
        TcpState::Established => since?.data_sent,
        TcpState::FinWait2 => since?.ack_received,
        TcpState::CloseWait | TcpState::Closing => since?.ack_received.saturating_sub(OVERTAKEN_MS),
        TcpState::TimeWait => {
            let timer = timer.filter(|timer| timer.kind == TimerKind::TimeWait)?;
            TIME_WAIT_MS.saturating_sub(timer.expires_ms)
        }
        TcpState::SynSent
        | TcpState::SynRecv
        | TcpState::NewSynRecv
        | TcpState::FinWait1
        | TcpState::LastAck
        | TcpState::Listen
        | TcpState::Close => return None,
    };
    let ms = ms.saturating_sub(GRAIN_MS);
    (ms > 0).then(|| u64::from(ms).saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Since = Since {
        data_sent: 5_000,
        ack_received: 9_000,
    };

    fn timer(kind: TimerKind, expires_ms: u32) -> Timer {
        Timer {
            kind,
            expires_ms,
            tries: 0,
        }
    }

    fn ms(state: TcpState, timer: Option<Timer>, since: Option<Since>) -> Option<u64> {
        in_state_ns(state, timer, since).map(|ns| ns / 1_000_000)
    }

    #[test]
    fn each_state_goes_by_what_cannot_have_happened_before_it() {
        assert_eq!(ms(TcpState::Established, None, Some(SINCE)), Some(4_980));
        assert_eq!(ms(TcpState::FinWait2, None, Some(SINCE)), Some(8_980));
        for state in [TcpState::CloseWait, TcpState::Closing] {
            assert_eq!(ms(state, None, Some(SINCE)), Some(7_980));
        }
        let waiting = timer(TimerKind::TimeWait, 20_000);
        assert_eq!(ms(TcpState::TimeWait, Some(waiting), None), Some(39_980));
    }

    #[test]
    fn states_that_a_call_begins_have_no_age() {
        let running = Some(timer(TimerKind::Retransmit, 100));
        for state in [
            TcpState::SynSent,
            TcpState::SynRecv,
            TcpState::NewSynRecv,
            TcpState::FinWait1,
            TcpState::LastAck,
            TcpState::Listen,
            TcpState::Close,
        ] {
            assert_eq!(ms(state, running, Some(SINCE)), None, "{state:?}");
        }
    }

    #[test]
    fn a_timer_of_an_orphan_in_fin_wait2_tells_nothing() {
        let waiting = Some(timer(TimerKind::TimeWait, 20_000));
        assert_eq!(ms(TcpState::FinWait2, waiting, None), None);
        let other = Some(timer(TimerKind::Keepalive, 20_000));
        assert_eq!(ms(TcpState::TimeWait, other, None), None);
    }

    #[test]
    fn a_bound_below_the_grain_is_none_and_a_longer_timer_than_the_kernels_too() {
        let now = Since {
            data_sent: 20,
            ack_received: 20,
        };
        assert_eq!(ms(TcpState::Established, None, Some(now)), None);
        let longer = timer(TimerKind::TimeWait, 600_000);
        assert_eq!(ms(TcpState::TimeWait, Some(longer), None), None);
    }
}
