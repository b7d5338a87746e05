from command import stage as stage
from killing import empty as empty
from killing import executioner as executioner
