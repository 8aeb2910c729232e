//! A map for what is mostly one to a few entries, and kept many thousand times: the smallest node of a B-tree has room for eleven.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::iter::Peekable;
use std::marker::PhantomData;
use std::ops::Index;

/// A map in the order of its keys, in a vector of just their number. Lookups are as fast as in a `BTreeMap`; an insertion moves what
/// is behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(own, _)| own.borrow().cmp(key))
    }

    /// The value under a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// Whether there is a value under a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// With room for so many, for a map that is built and soon dropped, or filled.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Puts a value under a key; returns the one before. At once, where the key comes after all others.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let last = self.0.last().is_none_or(|(last, _)| *last < key);
        let at = if last { Err(self.0.len()) } else { self.find(&key) };
        match at {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// The value under a key, which is made where there is none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = match self.find(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (key, V::default()));
                at
            }
        };
        &mut self.0[at].1
    }

    /// Takes the value under a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        let (_, value) = self.0.remove(at);
        self.0.shrink_to_fit();
        Some(value)
    }

    /// Puts a value under a key, or takes out what is there.
    pub fn set(&mut self, key: K, value: Option<V>) {
        match value {
            Some(value) => drop(self.insert(key, value)),
            None => drop(self.remove(&key)),
        }
    }

    /// Drops the entries that are not to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
        self.0.shrink_to_fit();
    }

    /// The values in the order of their keys, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The same as a `BTreeMap`.
    pub fn to_map(&self) -> BTreeMap<K, V>
    where
        K: Clone,
        V: Clone,
    {
        self.0.iter().cloned().collect()
    }
}

impl<K, V> From<BTreeMap<K, V>> for Few<K, V> {
    fn from(map: BTreeMap<K, V>) -> Self {
        Self(map.into_iter().collect())
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Few<K, V> {
    /// Of equal keys the last counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut entries: Vec<(K, V)> = entries.into_iter().collect();
        if entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            entries.shrink_to_fit();
            return Self(entries);
        }
        // Others go through a B-tree, so that many entries are no sum of insertions.
        entries.into_iter().collect::<BTreeMap<K, V>>().into()
    }
}

impl<K, V> IntoIterator for Few<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'m, K, V> IntoIterator for &'m Few<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = std::iter::Map<std::slice::Iter<'m, (K, V)>, fn(&'m (K, V)) -> (&'m K, &'m V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for Few<K, V> {
    type Output = V;

    /// The value under a key, as of a `BTreeMap`.
    ///
    /// # Panics
    /// When there is none.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<K: Serialize, V: Serialize> Serialize for Few<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Few<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = Few<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    entries.insert(key, value);
                }
                Ok(entries.into())
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Lookups for keys that are asked for in their order, each once, in a map that has them in their order: each goes on where the one before
/// ended. For maps of about as many keys as are asked for, because all between two of them are looked at.
pub struct InOrder<I: Iterator>(Peekable<I>);

impl<'m, K: Ord + 'm, V: 'm, I: Iterator<Item = (&'m K, &'m V)>> InOrder<I> {
    /// In these entries.
    pub fn of(entries: impl IntoIterator<IntoIter = I>) -> Self {
        Self(entries.into_iter().peekable())
    }

    /// The value under a key that comes after the one asked for last.
    pub fn get(&mut self, key: &K) -> Option<&'m V> {
        loop {
            match self.0.peek()?.0.cmp(key) {
                Ordering::Less => drop(self.0.next()),
                Ordering::Equal => return self.0.next().map(|(_, value)| value),
                Ordering::Greater => return None,
            }
        }
    }
}

/// So many keys are looked at side by side in the time in which one is looked up.
const ABREAST: usize = 4;

/// The same in a map that may have far more keys than are asked for, as the fleet has clusters that an application does not run in: where it
/// has, each is looked up by itself.
pub enum Lookups<'m, K, V> {
    /// Far more.
    Each(&'m BTreeMap<K, V>),
    /// About as many.
    InOrder(InOrder<btree_map::Iter<'m, K, V>>),
}

impl<'m, K: Ord, V> Lookups<'m, K, V> {
    /// For `asked` keys.
    pub fn of(map: &'m BTreeMap<K, V>, asked: usize) -> Self {
        if map.len() > asked.saturating_mul(ABREAST) {
            Self::Each(map)
        } else {
            Self::InOrder(InOrder::of(map))
        }
    }

    /// The value under a key that comes after the one asked for last.
    pub fn get(&mut self, key: &K) -> Option<&'m V> {
        match self {
            Self::Each(map) => map.get(key),
            Self::InOrder(entries) => entries.get(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn of_equal_keys_the_last_counts(entries in proptest::collection::vec((0u8..20, 0u32..9), 0..20)) {
            let map: BTreeMap<u8, u32> = entries.iter().copied().collect();
            prop_assert_eq!(entries.into_iter().collect::<Few<u8, u32>>().to_map(), map);
        }

        #[test]
        fn it_is_a_map(edits in proptest::collection::vec((0u8..20, proptest::option::of(0u32..9)), 0..60)) {
            let (mut few, mut map) = (Few::default(), BTreeMap::new());
            for (key, value) in edits {
                few.set(key, value);
                match value {
                    Some(value) => drop(map.insert(key, value)),
                    None => drop(map.remove(&key)),
                }
                prop_assert_eq!(few.get(&key), map.get(&key));
            }
            prop_assert_eq!(few.to_map(), map.clone());
            for step in 1..5 {
                let asked = || (0..20).step_by(step);
                let mut walk = InOrder::of(&few);
                prop_assert!(asked().all(|key| walk.get(&key) == map.get(&key)));
                for told in [0, 20] {
                    let mut lookups = Lookups::of(&map, told);
                    prop_assert!(asked().all(|key| lookups.get(&key) == map.get(&key)));
                }
            }
            prop_assert_eq!(Few::from(map.clone()), few.clone());
            prop_assert!(few.keys().eq(map.keys()) && few.values().eq(map.values()));
            let json = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(serde_json::to_string(&few).unwrap(), json.clone());
            prop_assert_eq!(serde_json::from_str::<Few<u8, u32>>(&json).unwrap(), few);
        }
    }
}
