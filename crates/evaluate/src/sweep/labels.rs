//! Positions the labels of points so that they cover neither each other nor points, nor, if there
//! is room, lines.

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Area {
    pub(super) fn around(center: (i32, i32), width: i32, height: i32) -> Self {
        let (left, top) = (center.0 - width / 2, center.1 - height / 2);
        Self { left, top, right: left + width, bottom: top + height }
    }

    pub(super) fn center(self) -> (i32, i32) {
        ((self.left + self.right) / 2, (self.top + self.bottom) / 2)
    }

    fn covers(self, other: Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn holds(self, other: Self) -> bool {
        self.left <= other.left
            && other.right <= self.right
            && self.top <= other.top
            && other.bottom <= self.bottom
    }
}

/// Half the side of the square that a point keeps free.
const POINT: i32 = 7;
/// Gap between that square and a label, and between the rings of candidate positions around it.
const GAP: i32 = 3;
const STEP: i32 = 12;
/// Number of rings in which a label avoids lines; beyond that it may cover a line.
const NEAR_RINGS: i32 = 3;
const RINGS: i32 = 16;
/// Above comes first, since lines usually rise to the right.
const DIRECTIONS: [(i32, i32); 8] =
    [(0, -1), (0, 1), (1, 0), (-1, 0), (-1, -1), (1, 1), (1, -1), (-1, 1)];

/// The position of a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Label {
    pub(super) area: Area,
    /// Whether it is next to its point; otherwise a line should join them.
    pub(super) is_near: bool,
}

/// The position of each label: the nearest free one inside `plot`. `sizes` are widths and heights.
/// If no position is free, the label goes above its point, whatever it covers.
pub(super) fn lay_out(
    points: &[(i32, i32)],
    sizes: &[(i32, i32)],
    lines: &[Vec<(i32, i32)>],
    plot: Area,
) -> Vec<Label> {
    let mut taken: Vec<Area> =
        points.iter().map(|point| Area::around(*point, 2 * POINT, 2 * POINT)).collect();
    let dots: Vec<(i32, i32)> =
        lines.iter().flat_map(|line| line.windows(2)).flat_map(dots).collect();
    let mut labels = Vec::with_capacity(points.len());
    for (point, (width, height)) in points.iter().zip(sizes) {
        let at = |ring: i32, (x, y): (i32, i32)| {
            let away = POINT + GAP + STEP * ring;
            let center = (point.0 + x * (away + width / 2), point.1 + y * (away + height / 2));
            Label { area: Area::around(center, *width, *height), is_near: ring == 0 }
        };
        let within = |rings: i32| {
            (0..rings).flat_map(|ring| DIRECTIONS.map(|direction| at(ring, direction)))
        };
        let is_free = |label: &Label| {
            plot.holds(label.area) && !taken.iter().any(|area| area.covers(label.area))
        };
        let is_clear = |label: &Label| {
            is_free(label) && !dots.iter().any(|dot| label.area.covers(Area::around(*dot, 2, 2)))
        };
        let found = within(NEAR_RINGS).find(is_clear).or_else(|| within(RINGS).find(is_free));
        let found = found.unwrap_or_else(|| at(0, DIRECTIONS[0]));
        taken.push(found.area);
        labels.push(found);
    }
    labels
}

/// Pixels along a line, so close to each other that the line cannot cross a label unnoticed.
fn dots(ends: &[(i32, i32)]) -> impl Iterator<Item = (i32, i32)> {
    let ((x, y), (to_x, to_y)) = (ends[0], ends[1]);
    let n_steps = ((to_x - x).abs().max((to_y - y).abs()) / 4).max(1);
    (0..=n_steps).map(move |i| (x + (to_x - x) * i / n_steps, y + (to_y - y) * i / n_steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: Area = Area { left: 0, top: 0, right: 800, bottom: 400 };

    #[test]
    fn labels_of_crowded_points_stand_apart() {
        let points: Vec<(i32, i32)> = (0..24).map(|i| (300 + 7 * i, 200 + i % 3)).collect();
        let lines = std::slice::from_ref(&points);
        let labels = lay_out(&points, &vec![(40, 14); points.len()], lines, PLOT);
        for (i, label) in labels.iter().enumerate() {
            assert!(PLOT.holds(label.area), "{label:?}");
            let covers = |other: &Label| other.area.covers(label.area);
            assert!(!labels[..i].iter().any(covers), "{i}: {label:?}");
            let on = |point: &(i32, i32)| Area::around(*point, 2, 2).covers(label.area);
            assert!(!points.iter().any(on), "{i}: {label:?}");
        }
    }

    #[test]
    fn a_point_alone_has_its_label_above() {
        let [label] = lay_out(&[(100, 100)], &[(40, 14)], &[], PLOT)[..] else { panic!("one") };
        assert_eq!(label.area, Area { left: 80, top: 76, right: 120, bottom: 90 });
        assert!(label.is_near);
    }

    #[test]
    fn a_label_keeps_off_a_line_if_it_can() {
        let line = vec![(100, 0), (100, 100)];
        let [label] = lay_out(&[(100, 100)], &[(40, 14)], &[line], PLOT)[..] else { panic!("one") };
        assert!(label.area.top > 100, "{label:?}");
    }

    #[test]
    fn a_point_at_the_edge_has_its_label_inside() {
        let labels = lay_out(&[(2, 2)], &[(40, 14)], &[], PLOT);
        assert!(PLOT.holds(labels[0].area));
    }
}
