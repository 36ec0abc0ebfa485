//! The start of a module: its segments one by one, its start function, and when it is ready.

use std::sync::Arc;

use super::Trap;
use super::state::{Ended, Machine, NO_HOST, Next};
use crate::module::Placement;
use crate::module::ticks::{self, ORDINARY};

impl Machine {
    /// The module is ready after these ticks and those of the last steps.
    pub(super) fn ready(&mut self, ticks: u64) {
        self.next = Next::Ready;
        self.owed = ticks + 4 + 1;
    }

    /// Finds the next thing of the start: a segment, the start function, its end; and adds its ticks.
    pub(super) fn next_segment(&mut self) {
        let kernel = Arc::clone(&self.kernel);
        let (mut element, mut data) = match self.next {
            Next::Elements(n) => (n, 0),
            Next::Data(n) => (kernel.elements.len(), n),
            _ => return,
        };
        while let Some(segment) = kernel.elements.get(element) {
            match segment.placement {
                Placement::Active(..) => {
                    self.next = Next::Elements(element);
                    self.owed += ticks::segment(segment.items.len());
                    return;
                }
                Placement::Declared => {
                    self.dropped_elements[element] = true;
                    self.owed += ORDINARY;
                }
                Placement::Passive => {}
            }
            element += 1;
        }
        while let Some(segment) = kernel.data.get(data) {
            if let Placement::Active(..) = segment.placement {
                self.next = Next::Data(data);
                self.owed += ticks::segment(segment.bytes.len());
                return;
            }
            data += 1;
        }
        match kernel.start {
            Some(function) if self.is_host(function) => self.end(Ended::Failed(NO_HOST.into()), 1),
            Some(function) => {
                let ticks = self.outermost(function);
                self.owed += ORDINARY + ticks;
            }
            None => {
                let ticks = self.owed;
                self.ready(ticks);
            }
        }
    }

    pub(super) fn copy_elements(&mut self, n: usize) {
        let kernel = Arc::clone(&self.kernel);
        let segment = &kernel.elements[n];
        if let Placement::Active(table, offset) = segment.placement {
            let offset = self.constant(offset) as u32 as usize;
            let values: Vec<u64> = segment
                .items
                .iter()
                .map(|item| self.constant(*item) as u64)
                .collect();
            match self.tables[table as usize].get_mut(offset..offset + values.len()) {
                Some(place) => place.copy_from_slice(&values),
                None => return self.end(Ended::Trapped(Trap::TableOutOfBounds), 1),
            }
        }
        self.dropped_elements[n] = true;
        self.next = Next::Elements(n + 1);
        self.next_segment();
    }

    pub(super) fn copy_data(&mut self, n: usize) {
        let kernel = Arc::clone(&self.kernel);
        let segment = &kernel.data[n];
        if let Placement::Active(_, offset) = segment.placement {
            let offset = self.constant(offset) as u32 as usize;
            let bytes = &kernel.bytes[segment.bytes.clone()];
            match self.memory.get_mut(offset..offset + bytes.len()) {
                Some(place) => place.copy_from_slice(bytes),
                None => return self.end(Ended::Trapped(Trap::MemoryOutOfBounds), 1),
            }
        }
        self.dropped_data[n] = true;
        self.next = Next::Data(n + 1);
        self.next_segment();
    }
}
