"""The methods: how a posterior is obtained."""
