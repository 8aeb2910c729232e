//! Numbers that may be written as a percentage: surge, and clusters that may fail.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Extra capacity: a number of pods or a percentage of the rendered replicas; never nothing [I2].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surge {
    /// Percent of the largest rendered replica count, rounded up; 1 to 100.
    Percent(u8),
    /// Pods; at least one.
    Pods(u32),
}

impl Default for Surge {
    fn default() -> Self {
        Self::Percent(100)
    }
}

impl Surge {
    /// The surge in pods for a release of `rendered` replicas; at least one.
    pub fn pods(self, rendered: u32) -> u32 {
        match self {
            Self::Percent(percent) => (rendered * u32::from(percent)).div_ceil(100).max(1),
            Self::Pods(pods) => pods.max(1),
        }
    }
}

impl From<Surge> for Amount {
    fn from(surge: Surge) -> Self {
        match surge {
            Surge::Percent(percent) => Self::Percent(percent),
            Surge::Pods(pods) => Self::Number(pods),
        }
    }
}

impl fmt::Display for Surge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Amount::from(*self).fmt(f)
    }
}

impl Serialize for Surge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Amount::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Surge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Amount::read(deserializer, "surge is a number of pods or a percentage from 1% to 100%")? {
            Amount::Number(0) | Amount::Percent(0) => {
                Err(serde::de::Error::custom("surge must be at least one pod or 1%"))
            }
            Amount::Number(pods) => Ok(Self::Pods(pods)),
            Amount::Percent(percent) => Ok(Self::Percent(percent)),
        }
    }
}

/// Clusters that may fail or be away without holding a rollout [A1]: a number, or a percentage of the clusters that the application
/// is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxFailedClusters {
    /// So many.
    Number(u32),
    /// Percent of the clusters, rounded down; 0 to 100.
    Percent(u8),
}

impl Default for MaxFailedClusters {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl MaxFailedClusters {
    /// How many of so many clusters may fail.
    pub fn of(self, clusters: usize) -> usize {
        match self {
            Self::Number(number) => number as usize,
            Self::Percent(percent) => clusters.saturating_mul(usize::from(percent)) / 100,
        }
    }
}

impl From<MaxFailedClusters> for Amount {
    fn from(most: MaxFailedClusters) -> Self {
        match most {
            MaxFailedClusters::Percent(percent) => Self::Percent(percent),
            MaxFailedClusters::Number(number) => Self::Number(number),
        }
    }
}

impl fmt::Display for MaxFailedClusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Amount::from(*self).fmt(f)
    }
}

impl Serialize for MaxFailedClusters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Amount::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MaxFailedClusters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let meaning = "maxFailedClusters is a number of clusters or a percentage from 0% to 100%";
        Ok(match Amount::read(deserializer, meaning)? {
            Amount::Number(number) => Self::Number(number),
            Amount::Percent(percent) => Self::Percent(percent),
        })
    }
}

/// What is written: `3` or `25%`.
#[derive(Clone, Copy)]
enum Amount {
    Number(u32),
    Percent(u8),
}

impl Amount {
    /// Reads either; `meaning` says what was expected, for the error.
    fn read<'de, D: Deserializer<'de>>(deserializer: D, meaning: &str) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Number(u32),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Number(number) => Ok(Self::Number(number)),
            Raw::Text(text) => match text.strip_suffix('%').map(str::parse::<u8>) {
                Some(Ok(percent)) if percent <= 100 => Ok(Self::Percent(percent)),
                _ => Err(serde::de::Error::custom(format!("{meaning}, not {text:?}"))),
            },
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Percent(_) => serializer.collect_str(self),
            Self::Number(number) => serializer.serialize_u32(*number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MaxFailedClusters;

    /// [A1] A percentage never allows more clusters than it says.
    #[test]
    fn a1_a_percentage_of_clusters_is_rounded_down() {
        let of = |percent, clusters| MaxFailedClusters::Percent(percent).of(clusters);
        assert_eq!([of(10, 9), of(10, 10), of(34, 3), of(100, 3), of(50, 0)], [0, 1, 1, 3, 0]);
        assert_eq!(MaxFailedClusters::Number(2).of(1), 2);
    }
}
