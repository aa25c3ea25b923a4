//! What the kernel half gathered itself: how long phases took, in buckets, and of whom.

use aya::{
    Ebpf,
    maps::{HashMap, Map, MapData, MapError, PerCpuHashMap},
};
use tracer_common::gather::{Durations, Key, Life, Owner};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The names of maps, each with what it needs.
const MAPS: [&str; 3] = ["SPREADS", "LIVES", "NAMES"];

/// The maps in which latencies are gathered.
pub struct Gathered {
    spreads: PerCpuHashMap<MapData, [u8; size_of::<Key>()], [u8; size_of::<Durations>()]>,
    lives: HashMap<MapData, u64, [u8; size_of::<Life>()]>,
    names: HashMap<MapData, [u8; size_of::<Owner>()], [u8; 16]>,
}

impl Gathered {
    /// Takes the maps over.
    ///
    /// # Errors
    ///
    /// One is missing or of another shape, by its name: the object was built from other sources.
    pub(super) fn take(object: &mut Ebpf) -> Result<Self, (&'static str, MapError)> {
        let [spreads, lives, names] = MAPS;
        Ok(Self {
            spreads: map(object, spreads)?,
            lives: map(object, lives)?,
            names: map(object, names)?,
        })
    }

    /// Every bucket with what is in it, all CPUs together.
    ///
    /// # Errors
    ///
    /// The kernel refuses to read the map.
    pub fn spreads(&self) -> Result<Vec<(Key, Durations)>, MapError> {
        let mut all = Vec::new();
        for entry in &self.spreads {
            let (key, per_cpu) = entry?;
            let mut sum = Durations::default();
            for durations in per_cpu.iter().filter_map(|bytes| read::<Durations>(bytes)) {
                sum.count += durations.count;
                sum.sum += durations.sum;
                sum.max = sum.max.max(durations.max);
            }
            if let Some(key) = read(&key) {
                all.push((key, sum));
            }
        }
        Ok(all)
    }

    /// The connections that are remembered: those that are not over, and on each CPU the last one
    /// that is.
    ///
    /// # Errors
    ///
    /// The kernel refuses to read the map.
    pub fn lives(&self) -> Result<Vec<Life>, MapError> {
        let mut all = Vec::new();
        for entry in &self.lives {
            let (_address, life) = entry?;
            all.extend(read::<Life>(&life));
        }
        Ok(all)
    }

    /// The name of a process that acted, NUL-padded; `None` where there was no room for it.
    #[must_use]
    pub fn name(&self, owner: &Owner) -> Option<[u8; 16]> {
        let key = <[u8; size_of::<Owner>()]>::try_from(owner.as_bytes()).ok()?;
        self.names.get(&key, 0).ok()
    }
}

fn map<M: TryFrom<Map, Error = MapError>>(
    object: &mut Ebpf,
    name: &'static str,
) -> Result<M, (&'static str, MapError)> {
    let missing = || MapError::InvalidName { name: name.into() };
    let taken = object.take_map(name).ok_or_else(missing);
    taken.and_then(M::try_from).map_err(|error| (name, error))
}

fn read<T: FromBytes + KnownLayout + Immutable>(bytes: &[u8]) -> Option<T> {
    T::read_from_bytes(bytes).ok()
}
