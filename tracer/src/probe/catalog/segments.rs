//! The points at which segments pass a device: hooked only for the `--wire` that asks for them.

use tracer_common::event::Kind;

use super::{Candidate, Need, Point};
use crate::probe::way::Hook;

/// The points of `--wire xmit`.
pub const XMIT: &[&str] = &[SENT.name, RECEIVED.name];
/// The points of every `--wire`.
pub const SEGMENTS: &[&str] = &[SENT.name, RECEIVED.name, PASSED.name];
/// The points of `--wire tcx`.
pub const TCX: &[&str] = &[PASSED.name];

pub(super) const SENT: Point = Point {
    name: "segment_sent",
    sees: "FINs and RSTs handed to a device, of all namespaces (--wire xmit)",
    lost: "--wire xmit",
    required: false,
    kind: Kind::SegmentSeen,
    candidates: &[
        Candidate {
            hook: Hook::TypedTracepoint,
            programs: &[("net_dev_start_xmit_typed", "net_dev_start_xmit")],
            needs: Need::Nothing,
        },
        Candidate {
            hook: Hook::RawTracepoint,
            programs: &[("net_dev_start_xmit_raw", "net_dev_start_xmit")],
            needs: Need::Nothing,
        },
    ],
};

pub(super) const RECEIVED: Point = Point {
    name: "segment_received",
    sees: "FINs and RSTs coming in on a device, of all namespaces (--wire xmit)",
    lost: "--wire xmit",
    required: false,
    kind: Kind::SegmentSeen,
    candidates: &[
        Candidate {
            hook: Hook::TypedTracepoint,
            programs: &[("netif_receive_skb_typed", "netif_receive_skb")],
            needs: Need::Nothing,
        },
        Candidate {
            hook: Hook::RawTracepoint,
            programs: &[("netif_receive_skb_raw", "netif_receive_skb")],
            needs: Need::Nothing,
        },
    ],
};

/// Tried on `lo`, which every namespace has; the devices are followed by the session.
pub(super) const PASSED: Point = Point {
    name: "segment_passed",
    sees: "FINs and RSTs at both sides of a device of this namespace (--wire tcx)",
    lost: "--wire tcx",
    required: false,
    kind: Kind::SegmentSeen,
    candidates: &[Candidate {
        hook: Hook::Classifier,
        programs: &[(EGRESS, "lo"), (INGRESS, "lo")],
        needs: Need::Nothing,
    }],
};

/// The classifier of what leaves a device.
pub(in crate::probe) const EGRESS: &str = "segment_tcx_egress";
/// The classifier of what comes in on a device.
pub(in crate::probe) const INGRESS: &str = "segment_tcx_ingress";
