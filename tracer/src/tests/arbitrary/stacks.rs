//! Strategies for stacks, as they are taken and as they are told.

use proptest::{collection, option, prelude::*, sample};

use super::{foreign, socket_id};
use crate::model::{
    observation::What,
    process::Actor,
    stack::{Absent, Addresses, Caller, Frame, Side, Stack, Taken},
};

fn addresses() -> impl Strategy<Value = Addresses> {
    prop_oneof![
        Just(Addresses::NotAsked),
        collection::vec(any::<u64>(), 0..=127).prop_map(Addresses::Frames),
        (1_u16..=32_768).prop_map(Addresses::Failed),
    ]
}

/// Any record of a stack, and who acted as far as it says.
pub(crate) fn record() -> BoxedStrategy<(Actor, What)> {
    let callers = vec![
        (Actor::Unknown, Caller::Task),
        (Actor::Unknown, Caller::Exiting),
        (Actor::Unknown, Caller::KernelThread),
        (Actor::Unknown, Caller::Kernel),
        (Actor::Softirq, Caller::Kernel),
    ];
    let numbers = any::<(u64, u32, u32, u64, u64)>();
    let program = (
        prop_oneof![Just(Vec::new()), collection::vec(any::<u64>(), 21)],
        collection::vec(any::<u8>(), 0..=1024),
    );
    let sides = (addresses(), addresses());
    (
        socket_id(),
        sample::select(callers),
        numbers,
        sides,
        program,
    )
        .prop_map(|(socket, (actor, caller), numbers, sides, program)| {
            let taken = Taken {
                socket,
                of_seq: numbers.0,
                caller,
                pid: numbers.1,
                tid: numbers.2,
                start_ns: numbers.3,
                mm: numbers.4,
                kernel: sides.0,
                user: sides.1,
                registers: program.0,
                memory: program.1,
            };
            (actor, What::Stack(Box::new(taken)))
        })
        .boxed()
}

fn frame() -> impl Strategy<Value = Frame> {
    let names = (
        option::of(foreign()),
        option::of(foreign()),
        option::of(foreign()),
        option::of(foreign()),
    );
    let numbers = (
        any::<u64>(),
        option::of(any::<u64>()),
        option::of(any::<u64>()),
        option::of(any::<u64>()),
    );
    (names, numbers, option::of(any::<u32>()), any::<bool>()).prop_map(
        |(names, numbers, line, inlined)| Frame {
            address: numbers.0,
            function: names.0,
            function_offset: numbers.1,
            module: names.1,
            offset: numbers.2,
            elf_address: numbers.3,
            build_id: names.2,
            file: names.3,
            line,
            inlined,
        },
    )
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![
        sample::select(Absent::ALL.to_vec()).prop_map(Side::Absent),
        (collection::vec(frame(), 0..6), any::<bool>())
            .prop_map(|(frames, truncated)| Side::Frames { frames, truncated }),
    ]
}

/// Any stacks with any names.
pub(crate) fn told() -> impl Strategy<Value = Stack> {
    (side(), side()).prop_map(|(kernel, user)| Stack { kernel, user })
}
