"""The families of systems, in the order in which a study makes and shows them. A new family is one name here.

Ensembles join systems of these: `families.systems` adds them.
"""

from bookcover_core.families.baselines import Baselines
from bookcover_core.families.cover_text import CoverTexts
from bookcover_core.families.encoder import Encoders
from bookcover_core.families.family import Family
from bookcover_core.families.fine_tuned import FineTuned
from bookcover_core.families.from_scratch import FromScratch
from bookcover_core.families.frozen import Frozen
from bookcover_core.families.text import Texts

FAMILIES: tuple[Family, ...] = (Frozen(), Encoders(), FromScratch(), FineTuned(), Texts(), CoverTexts(), Baselines())
