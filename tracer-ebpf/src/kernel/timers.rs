//! What the timers of a socket say: read only where a connection ends by an RST or an error.
#![expect(unsafe_code, reason = "helpers are foreign functions")]

use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_ns};
use tracer_common::socket::{Condition, extra, known};

use super::{Address, Structure, has, read, read_at};
use crate::settings::setting;

/// Reads the timers of a full TCP socket into a condition that is known already.
#[inline(always)]
pub(crate) fn timers(sk: impl Structure, condition: &mut Condition) {
    let mut mark = |bit, has| condition.known |= if has { bit } else { 0 };
    mark(
        known::USER_TIMEOUT,
        has(|offsets| &offsets.icsk_user_timeout),
    );
    mark(known::WINDOW, has(|offsets| &offsets.snd_wnd));
    mark(known::LINGER2, has(|offsets| &offsets.linger2));
    let tries = has(|offsets| &offsets.icsk_retransmits) && has(|offsets| &offsets.icsk_probes_out);
    mark(known::TRIES, tries);
    let signed = has(|offsets| &offsets.md5sig_info) || has(|offsets| &offsets.ao_info);
    mark(known::SIGNED, signed);
    let timers = &mut condition.timers;
    timers.user_timeout_ms = sk.field(|offsets| &offsets.icsk_user_timeout);
    timers.window = sk.field(|offsets| &offsets.snd_wnd);
    timers.linger2 = sk.field(|offsets| &offsets.linger2);
    timers.retransmits = sk.field(|offsets| &offsets.icsk_retransmits);
    timers.probes_out = sk.field(|offsets| &offsets.icsk_probes_out);
    timers.keepalive_probes = sk.field(|offsets| &offsets.keepalive_probes);
    // Pointers, which the verifier forbids to combine as numbers.
    let keys: u64 = read(sk.address(), |offsets| &offsets.md5sig_info);
    let more_keys: u64 = read(sk.address(), |offsets| &offsets.ao_info);
    if keys | more_keys != 0 {
        condition.extra |= extra::SIGNED;
    }
    multipath(sk, condition);
    keepalive(sk, condition);
    pressure(sk, condition);
    idle(sk, condition);
    unacked(sk, condition);
}

/// Reads whether it is a subflow of Multipath TCP, or listens for some.
#[inline(always)]
pub(crate) fn multipath(sk: impl Structure, condition: &mut Condition) {
    if has(|offsets| &offsets.is_mptcp) {
        condition.known |= known::MPTCP;
    }
    if sk.field::<u8>(|offsets| &offsets.is_mptcp) != 0 {
        condition.extra |= extra::MPTCP;
    }
}

/// Reads when keepalive probes are sent.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "at most 32,767 seconds (MAX_TCP_KEEPIDLE, include/net/tcp.h)"
)]
fn keepalive(sk: impl Structure, condition: &mut Condition) {
    let tick_us = u64::from(setting(|settings| &settings.tick_us));
    let both = has(|offsets| &offsets.keepalive_time) && has(|offsets| &offsets.keepalive_intvl);
    if tick_us == 0 || !both {
        return;
    }
    let time: u32 = sk.field(|offsets| &offsets.keepalive_time);
    let interval: u32 = sk.field(|offsets| &offsets.keepalive_intvl);
    condition.keepalive_time_s = (u64::from(time) * tick_us / 1_000_000) as u16;
    condition.keepalive_interval_s = (u64::from(interval) * tick_us / 1_000_000) as u16;
    condition.known |= known::KEEPALIVE;
}

/// Reads whether all TCP sockets together have too much memory.
#[inline(always)]
fn pressure(sk: impl Structure, condition: &mut Condition) {
    if !has(|offsets| &offsets.skc_prot) || !has(|offsets| &offsets.memory_pressure) {
        return;
    }
    let protocol: Address = read(sk.address(), |offsets| &offsets.skc_prot);
    let pressed: Address = read(protocol, |offsets| &offsets.memory_pressure);
    condition.known |= known::MEMORY_PRESSURE;
    if read_at::<u64>(pressed) != 0 {
        condition.extra |= extra::MEMORY_PRESSURE;
    }
}

/// How long no data has been sent or received.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "TCP keeps the lower half of the jiffies"
)]
fn idle(sk: impl Structure, condition: &mut Condition) {
    let tick_us = setting(|settings| &settings.tick_us);
    let both = has(|offsets| &offsets.lsndtime) && has(|offsets| &offsets.icsk_lrcvtime);
    if tick_us == 0 || !both {
        return;
    }
    // SAFETY: no arguments, no preconditions.
    let now = unsafe { bpf_jiffies64() } as u32;
    let sent = now.wrapping_sub(sk.field(|offsets| &offsets.lsndtime));
    let received = now.wrapping_sub(sk.field(|offsets| &offsets.icsk_lrcvtime));
    let idle = u64::from(if sent < received { sent } else { received });
    condition.timers.idle_ms = (idle * u64::from(tick_us) / 1_000) as u32;
    condition.known |= known::IDLE;
}

/// When a segment left that is not acknowledged: a node of the tree is its first member.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "cut off before"
)]
fn unacked(sk: impl Structure, condition: &mut Condition) {
    if !has(|offsets| &offsets.tcp_rtx_queue) || !has(|offsets| &offsets.skb_mstamp_ns) {
        return;
    }
    condition.known |= known::UNACKED_AGE;
    let buffer: Address = sk.field(|offsets| &offsets.tcp_rtx_queue);
    let sent: u64 = read(buffer, |offsets| &offsets.skb_mstamp_ns);
    if sent == 0 {
        return;
    }
    // SAFETY: no arguments, no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    let age = now.saturating_sub(sent) / 1_000;
    let most = u64::from(u32::MAX);
    condition.timers.unacked_age_us = (if age > most { most } else { age }) as u32;
}
