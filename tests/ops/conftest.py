from command import stage as stage
