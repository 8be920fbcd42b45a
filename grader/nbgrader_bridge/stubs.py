"""What a release has in place of a solution: nbgrader's stub, but no `raise` where it would stop *Run all*.

In a function the stub raises when the answer is called, and the check says that it is not answered. At a cell's left
margin it would raise when the cell is run, and the cells below it would not be.
"""

from typing import Any

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions

RAISES = "raise NotImplementedError()"


class ClearSolutionsAndGoOn(ClearSolutions):
    """Clears solutions, and takes out a stub's `raise` that stands at the left margin."""

    def preprocess_cell(self, cell: Any, resources: dict[str, Any], cell_index: int) -> tuple[Any, dict[str, Any]]:
        """The cell as it is released."""
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if cell.cell_type == "code":
            cell.source = "\n".join(line for line in cell.source.split("\n") if line != RAISES)
        return cell, resources


STEPS = [ClearSolutionsAndGoOn if step is ClearSolutions else step
         for step in GenerateAssignment.preprocessors.default_args[0]]
