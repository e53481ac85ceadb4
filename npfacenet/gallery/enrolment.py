"""Enrolling people from a folder of photographs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, quoted
from npfacenet.faces.choice import ONE_OF, OneOf
from npfacenet.gallery.gallery import Gallery
from npfacenet.models import Embeddings, Model
from npfacenet.models.embeddings import Skipped
from npfacenet.models.face_options import Detect
from npfacenet.progress import Progress
from npfacenet.recognition.people_folder import people_in
