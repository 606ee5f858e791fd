//! The scenarios, in the order of the report: the forty that were measured first, then the
//! others.

mod conditions;
mod reads;
mod sets;
mod uploads;
mod words;
mod writes;

use crate::scenario::Scenario;

/// All of them.
pub fn all() -> Vec<Scenario> {
    let forty = [
        reads::forty(),
        writes::forty(),
        conditions::forty(),
        sets::forty(),
        uploads::forty(),
    ];
    let further = [
        reads::further(),
        writes::further(),
        conditions::further(),
        sets::further(),
        uploads::further(),
    ];
    let forty = forty.into_iter().flatten().map(Scenario::of_the_forty);
    forty.chain(further.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_forty_are_forty_and_no_name_is_there_twice() {
        let all = all();
        assert_eq!(all.iter().filter(|one| one.of_the_forty).count(), 40);
        let names: BTreeSet<_> = all.iter().map(|one| &one.name).collect();
        assert_eq!(names.len(), all.len());
    }
}
