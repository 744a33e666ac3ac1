//! Minimum, median and maximum of a handful of rounds.

use crate::table::number;

/// What is told of a series of measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) minimum: f64,
    pub(crate) median: f64,
    pub(crate) maximum: f64,
}

impl Spread {
    /// The spread of `values`, or `None` if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (minimum, maximum) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { minimum, median, maximum })
    }

    /// Three cells of a table; empty ones where nothing was measured.
    pub(crate) fn cells(spread: Option<Self>) -> [String; 3] {
        match spread {
            Some(Self { minimum, median, maximum }) => {
                [number(minimum), format!("**{}**", number(median)), number(maximum)]
            }
            None => ["", "", ""].map(String::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Some(Spread { minimum: 1.0, median: 2.5, maximum: 4.0 }));
        assert_eq!(Spread::of([3.0, 1.0, 9.0]).unwrap().median, 3.0);
        assert_eq!(Spread::of([]), None);
    }
}
